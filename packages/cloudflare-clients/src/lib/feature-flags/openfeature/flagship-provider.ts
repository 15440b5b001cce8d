import type {
  EvaluationContext,
  JsonValue,
  Provider,
  ProviderMetadata,
  ResolutionDetails,
} from '@openfeature/server-sdk'
import { ProviderEvents } from './provider-events.ts'

/** The binding of Cloudflare's Flagship, as far as it is needed here. */
export interface FlagshipBinding {
  getBooleanDetails(
    flag: string,
    defaultValue: boolean,
    context?: FlagshipContext,
  ): Promise<FlagshipDetails>
  getStringDetails(
    flag: string,
    defaultValue: string,
    context?: FlagshipContext,
  ): Promise<FlagshipDetails>
  getNumberDetails(
    flag: string,
    defaultValue: number,
    context?: FlagshipContext,
  ): Promise<FlagshipDetails>
  getObjectDetails(
    flag: string,
    defaultValue: object,
    context?: FlagshipContext,
  ): Promise<FlagshipDetails>
}

export type FlagshipContextValue =
  | string
  | number
  | boolean
  | null
  | FlagshipContextValue[]
  | { [key: string]: FlagshipContextValue }
export type FlagshipContext = Record<string, FlagshipContextValue>

export interface FlagshipDetails {
  readonly value: unknown
  readonly variant?: string | undefined
  readonly reason?: string | undefined
  readonly errorCode?: string | undefined
  readonly errorMessage?: string | undefined
}

/** Those of OpenFeature that an evaluation can end with. */
const knownCodes = [
  'FLAG_NOT_FOUND',
  'PARSE_ERROR',
  'TYPE_MISMATCH',
  'TARGETING_KEY_MISSING',
  'INVALID_CONTEXT',
]

/**
 * A provider for `@openfeature/server-sdk` that answers from Cloudflare's own flags, Flagship, over its binding.
 *
 * Each evaluation is a call of the binding. A disabled flag gives the caller's default. A call that fails gives it too, with the code `GENERAL`; it never throws.
 * To have both, ours first, put them behind the `MultiProvider` of the SDK, which goes on to the next one where a flag is not found.
 *
 * @see https://developers.cloudflare.com/flagship/
 * @example
 * ```ts
 * import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
 * import { createOpenFeatureProvider, flagshipProvider } from '@codex/cloudflare-clients/openfeature'
 * import { MultiProvider, OpenFeature } from '@openfeature/server-sdk'
 *
 * const ours = createOpenFeatureProvider(new FlagReader(env.FLAGS_KV))
 * await OpenFeature.setProviderAndWait(
 *   new MultiProvider([{ provider: ours }, { provider: flagshipProvider(env.FLAGSHIP) }]),
 * )
 * ```
 */
export function flagshipProvider(binding: FlagshipBinding): Provider {
  if (typeof (binding as FlagshipBinding | undefined)?.getBooleanDetails !== 'function')
    throw new TypeError(
      `Cannot create Flagship provider: binding must be a Flagship binding, received ${typeof binding} (is it configured?)`,
    )
  return new FlagshipProvider(binding)
}

class FlagshipProvider implements Provider {
  readonly runsOn = 'server'
  readonly metadata: ProviderMetadata = Object.freeze({ name: 'cloudflare-flagship' })
  readonly events = new ProviderEvents()
  readonly #binding: FlagshipBinding

  constructor(binding: FlagshipBinding) {
    this.#binding = binding
  }

  /** There is nothing to wait for: the runtime has the binding. */
  initialize(): Promise<void> {
    this.events.emit('PROVIDER_READY' as never)
    return Promise.resolve()
  }

  resolveBooleanEvaluation(
    flag: string,
    defaultValue: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    return resolve(defaultValue, 'boolean', () =>
      this.#binding.getBooleanDetails(flag, defaultValue, toContext(context)),
    )
  }

  resolveStringEvaluation(
    flag: string,
    defaultValue: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    return resolve(defaultValue, 'string', () =>
      this.#binding.getStringDetails(flag, defaultValue, toContext(context)),
    )
  }

  resolveNumberEvaluation(
    flag: string,
    defaultValue: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>> {
    return resolve(defaultValue, 'number', () =>
      this.#binding.getNumberDetails(flag, defaultValue, toContext(context)),
    )
  }

  resolveObjectEvaluation<T extends JsonValue>(
    flag: string,
    defaultValue: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    return resolve(defaultValue, 'object', () =>
      // The binding takes no null.
      this.#binding.getObjectDetails(flag, (defaultValue ?? {}) as object, toContext(context)),
    )
  }
}

async function resolve<T>(
  defaultValue: T,
  type: string,
  ask: () => Promise<FlagshipDetails>,
): Promise<ResolutionDetails<T>> {
  const fail = (code: string, message: string): ResolutionDetails<T> => ({
    value: defaultValue,
    reason: 'ERROR',
    errorCode: code as never,
    errorMessage: message,
  })
  try {
    const { value, variant, reason = 'UNKNOWN', errorCode, errorMessage } = await ask()
    if (errorCode)
      return fail(knownCodes.includes(errorCode) ? errorCode : 'GENERAL', errorMessage ?? errorCode)
    if (reason === 'DISABLED') return { value: defaultValue, reason }
    if (typeof value !== type || value === null)
      return fail('TYPE_MISMATCH', `the flag must give type ${type}, it gives ${typeof value}`)
    return { value: value as T, ...(variant !== undefined && { variant }), reason }
  } catch (error) {
    return fail('GENERAL', error instanceof Error ? error.message : 'the binding failed')
  }
}

/** As JSON, with dates as ISO 8601; what cannot be that is left out. */
function toContext(context: EvaluationContext): FlagshipContext {
  return JSON.parse(JSON.stringify(context)) as FlagshipContext
}
