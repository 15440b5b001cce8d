import type {
  ErrorCode,
  EvaluationContext,
  Hook,
  JsonValue,
  Provider,
  ProviderMetadata,
  ResolutionDetails,
  TrackingEventDetails,
} from '@openfeature/server-sdk'
import { toKVError } from '../../kv/kv-error.ts'
import { checkNumber } from '../../shared/check-number.ts'
import { toChangedFlags } from '../changed-flags.ts'
import type { FlagJson } from '../flag-definition.ts'
import type { FlagContext, FlagEvaluation } from '../flag-evaluation.ts'
import type { FlagReaderEvent, FlagReadiness } from '../flag-options.ts'
import { toFlagContext } from './evaluation-context.ts'
import { EvaluationMemo } from './evaluation-memo.ts'
import type { FlagSource } from './flag-source.ts'
import { ProviderEvents } from './provider-events.ts'

export interface OpenFeatureProviderOptions {
  /** What the provider is called in metadata and events. Default `cloudflare-clients`. */
  readonly name?: string
  /** Run around each evaluation, innermost. Default: none. */
  readonly hooks?: readonly Hook[]
  /** Told of what the application tracks, with whom it concerns. Default: tracking does nothing. */
  readonly onTrack?: (event: FlagTrackingEvent) => void
  /**
   * Adds to each answer's flag metadata: `flagVersion`, `decision`, `rule` (its id, where one decided) and `version` (of the ruleset, as telemetry expects it).
   * The flag's own metadata goes before. Default `false`: the flag's own alone.
   */
  readonly explain?: boolean
  /**
   * Remembers as many answers, for as long as the ruleset stays the same; they have the reason `CACHED`, and `onEvaluation` of the reader is not told of
   * them. From 1 to 100,000. Default: none, because an evaluation costs no more than looking it up, unless its rules are very long.
   *
   * Flags with a start or an end, prerequisites, a strict bound or a condition on `$now` are never remembered, nor are errors, the caller's default and
   * answers from a stale ruleset.
   */
  readonly maxRememberedAnswers?: number
}

/** Something that happened, as the application tracks it. */
export interface FlagTrackingEvent {
  readonly name: string
  readonly context: FlagContext
  /** A number `value`, and what else the application says of it. */
  readonly details: TrackingEventDetails
}

type ProviderState = 'not-ready' | 'ready' | 'stale' | 'error'
type ResolvedType = 'boolean' | 'string' | 'number' | 'object'

/**
 * A provider for `@openfeature/server-sdk` that answers from a `FlagReader` or `FeatureFlags`.
 *
 * - Evaluations are made in the isolate. Each asks the reader to be `ready()` first, which renews the ruleset when it is due and otherwise does nothing.
 * - `targetingKey` is the user id, and all other fields of the context are attributes; dates are compared as times.
 * - Initialization fails while there is nothing to answer from: with `PROVIDER_FATAL` where a call was wrong and cannot succeed later, otherwise with
 *   `PROVIDER_NOT_READY`. The next evaluation tries again, and the provider is ready when it succeeds.
 * - Events: ready, stale (the ruleset could not be renewed in time; answers go on, with reason `STALE`), error, and configuration changed, with the flags.
 * - A `null` default takes JSON only.
 *
 * @throws {TypeError} When `flags` is no reader.
 * @throws {RangeError} When `maxRememberedAnswers` is out of its range.
 *
 * @see https://openfeature.dev/specification/sections/providers
 * @example
 * ```ts
 * import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
 * import { createOpenFeatureProvider } from '@codex/cloudflare-clients/openfeature'
 * import { OpenFeature } from '@openfeature/server-sdk'
 *
 * const flags = new FlagReader(env.FLAGS_KV)
 * await OpenFeature.setProviderAndWait(createOpenFeatureProvider(flags))
 *
 * const client = OpenFeature.getClient()
 * if (await client.getBooleanValue('new-item-page', false, { targetingKey: id })) console.log('new')
 * ```
 */
export function createOpenFeatureProvider(
  flags: FlagSource,
  options: OpenFeatureProviderOptions = {},
): Provider {
  const isSource = ['ready', 'evaluate', 'getRuleset', 'subscribe'].every(
    (call) =>
      typeof (flags as unknown as Readonly<Record<string, unknown>> | undefined)?.[call] ===
      'function',
  )
  if (!isSource)
    throw new TypeError(
      `Cannot create OpenFeature provider: flags must be a FlagReader, received ${typeof flags}`,
    )
  return new FlagProvider(flags, options)
}

class FlagProvider implements Provider {
  readonly runsOn = 'server'
  readonly metadata: ProviderMetadata
  readonly events = new ProviderEvents()
  readonly hooks: Hook[]
  /** Absent where nobody listens, so that the SDK knows. */
  readonly track?: NonNullable<Provider['track']>
  readonly #flags: FlagSource
  readonly #explains: boolean
  readonly #memo: EvaluationMemo | null
  #state: ProviderState = 'not-ready'
  #unsubscribe: (() => void) | null = null

  constructor(
    flags: FlagSource,
    {
      name = 'cloudflare-clients',
      hooks = [],
      onTrack,
      explain = false,
      maxRememberedAnswers,
    }: OpenFeatureProviderOptions,
  ) {
    this.metadata = Object.freeze({ name })
    this.hooks = [...hooks]
    this.#flags = flags
    this.#explains = explain
    this.#memo = maxRememberedAnswers === undefined ? null : createMemo(maxRememberedAnswers)
    if (onTrack !== undefined)
      this.track = (event, context, details) => {
        const { targetingKey: _, ...attributes } = context
        onTrack({ name: event, context: toFlagContext(context) ?? { attributes }, details })
      }
  }

  async initialize(): Promise<void> {
    // Not before the end: what the reader tells of meanwhile is what this reports itself.
    const readiness = await this.#flags.ready()
    this.#unsubscribe?.()
    this.#unsubscribe = this.#flags.subscribe((event) => {
      this.#follow(event)
    })
    if (readiness.status === 'none') {
      const error = toInitializationError(readiness)
      this.#become('error', error)
      throw error
    }
    this.#become('ready')
    // The SDK calls a provider ready once this has returned: it has to hear of stale flags after that.
    if (readiness.status === 'stale') void this.#becomeStaleLater(readiness.error)
  }

  /** Can be called again. Afterwards the provider is as it was before it was initialized. */
  onClose(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = null
    this.#state = 'not-ready'
    return Promise.resolve()
  }

  resolveBooleanEvaluation(
    flag: string,
    defaultValue: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    return this.#resolve('boolean', flag, defaultValue, context)
  }

  resolveStringEvaluation(
    flag: string,
    defaultValue: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    return this.#resolve('string', flag, defaultValue, context)
  }

  resolveNumberEvaluation(
    flag: string,
    defaultValue: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>> {
    return this.#resolve('number', flag, defaultValue, context)
  }

  resolveObjectEvaluation<T extends JsonValue>(
    flag: string,
    defaultValue: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    return this.#resolve('object', flag, defaultValue, context)
  }

  async #resolve<T extends JsonValue>(
    type: ResolvedType,
    flag: string,
    defaultValue: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    if (this.#unsubscribe === null)
      return toFailure(defaultValue, 'PROVIDER_NOT_READY', 'the provider is not initialized')
    const flagContext = toFlagContext(context)
    if (flagContext === null)
      return toFailure(defaultValue, 'INVALID_CONTEXT', 'targetingKey must be a text')
    const readiness = await this.#flags.ready()
    this.#note(readiness)

    const memo = readiness.status === 'ready' ? this.#memo : null
    const key = memo?.toKey(this.#flags.getRuleset(), flag, type, context) ?? null
    const known = key === null ? undefined : memo?.get(key)
    if (known !== undefined) return { ...known, reason: 'CACHED' } as ResolutionDetails<T>

    const evaluation = this.#flags.evaluate(flag, flagContext, defaultValue as unknown as FlagJson)
    const resolution = this.#toResolution(type, evaluation, defaultValue)
    const isKept = resolution.errorCode === undefined && resolution.variant !== undefined
    if (key !== null && isKept && resolution.reason !== 'STALE') memo?.set(key, resolution)
    return resolution
  }

  #toResolution<T extends JsonValue>(
    type: ResolvedType,
    evaluation: FlagEvaluation,
    defaultValue: T,
  ): ResolutionDetails<T> {
    const { value, variant, reason, error } = evaluation
    const flagMetadata = this.#toMetadata(evaluation)
    if (error !== undefined)
      return {
        ...toFailure(defaultValue, error.code, error.message),
        ...(flagMetadata && { flagMetadata }),
      }
    // A default of null says nothing of what is wanted, but the call does.
    if (variant !== undefined && typeof value !== type)
      return toFailure(
        defaultValue,
        'TYPE_MISMATCH',
        `the flag must give type ${type}, it gives ${typeof value}`,
      )
    return {
      value: value as T,
      ...(variant !== undefined && { variant }),
      reason,
      ...(flagMetadata && { flagMetadata }),
    }
  }

  #toMetadata({
    flagVersion,
    decision,
    rule,
    metadata,
  }: FlagEvaluation): Record<string, boolean | string | number> | undefined {
    if (!this.#explains) return metadata
    return {
      flagVersion,
      ...(decision !== undefined && { decision }),
      ...(rule !== undefined && { rule }),
      version: String(this.#flags.getRuleset()?.version ?? 0),
      ...metadata,
    }
  }

  #follow(event: FlagReaderEvent): void {
    if (event.type === 'changed')
      this.events.emit('PROVIDER_CONFIGURATION_CHANGED' as never, {
        flagsChanged: [...toChangedFlags(event.before, event.after)],
        metadata: { rulesetVersion: event.version },
      })
    else if (event.type === 'ready') this.#become('ready')
    else this.#become(event.type, event.error)
  }

  /** Also without an event of the reader: it tells of each only once, and that may have been before this one listened. */
  #note({ status, error }: FlagReadiness): void {
    if (status === 'ready' || status === 'stale') this.#become(status, error)
  }

  #become(status: Exclude<ProviderState, 'not-ready'>, error?: unknown): void {
    if (status === this.#state) return
    this.#state = status
    const message = toMessage(error)
    if (status === 'ready') this.events.emit('PROVIDER_READY' as never)
    else if (status === 'stale') this.events.emit('PROVIDER_STALE' as never, { message })
    else this.events.emit('PROVIDER_ERROR' as never, { message, errorCode: toCode(error) })
  }

  async #becomeStaleLater(error: unknown): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    if (this.#unsubscribe !== null) this.#become('stale', error)
  }
}

function createMemo(maxEntries: number): EvaluationMemo {
  const what = 'create OpenFeature provider: maxRememberedAnswers'
  return new EvaluationMemo(checkNumber(what, maxEntries, { min: 1, max: 100_000 }))
}

function toFailure<T>(value: T, code: string, message: string): ResolutionDetails<T> {
  return { value, reason: 'ERROR', errorCode: code as never, errorMessage: message }
}

/** With the code by which the SDK tells what can be tried again from what cannot. */
function toInitializationError({ error }: FlagReadiness): Error & { readonly code: ErrorCode } {
  // KV refused the call as malformed: no later one is another.
  const { cause } = Object(error) as { readonly cause?: unknown }
  const isMistake = [error, cause].some((one) => toKVError('read', one).code === 'invalid_request')
  const message = `Cannot initialize OpenFeature provider: there are no flags to answer from (${toMessage(error)})`
  return Object.assign(new Error(message, { cause: error }), {
    code: (isMistake ? 'PROVIDER_FATAL' : 'PROVIDER_NOT_READY') as never,
  })
}

function toCode(error: unknown): ErrorCode {
  const { code } = Object(error) as { readonly code?: unknown }
  return (code === 'PROVIDER_FATAL' || code === 'PROVIDER_NOT_READY' ? code : 'GENERAL') as never
}

function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : 'the ruleset could not be renewed'
}
