import {
  type FlagIsolate,
  flagsNamespace,
  type FlagSystem,
  type SampleValue,
} from '../flag-system.ts'
import { createLaunchDarklyStore, openLaunchDarkly } from '../launchdarkly-sdk.ts'
import type {
  LaunchDarklyClient,
  LaunchDarklyContext,
  LaunchDarklyStore,
} from '../launchdarkly-sdk.ts'
import type { SampleFlag, SampleUser } from '../sample-flags.ts'

const environment = 'environment'
const key = `LD-Env-${environment}`

export interface LaunchDarklyOptions {
  /** For how long its store keeps what it read: the `cache` option that came with 2.7. Default: not at all. */
  readonly cacheSeconds?: number
  /** Whether all flags of a request are asked for in one call, `allFlagsState`. Default false. */
  readonly isAllAtOnce?: boolean
}

/** The SDK itself, on the value of KV that LaunchDarkly's integration writes. */
export function createLaunchDarkly(options: LaunchDarklyOptions = {}): FlagSystem {
  const { cacheSeconds = 0, isAllAtOnce = false } = options
  return {
    id: [
      'LaunchDarkly',
      ...(cacheSeconds > 0 ? [`${cacheSeconds} s in memory`] : []),
      ...(isAllAtOnce ? ['all flags at once'] : []),
    ].join(', '),
    open: ({ clock, simulator, home }) => ({
      publish: (flags) =>
        simulator
          .location(home)
          .kv(flagsNamespace)
          .put(key, JSON.stringify(toPayload(flags))),
      openIsolate: (location): FlagIsolate => {
        const kv = simulator.location(location).kv(flagsNamespace)
        const store =
          cacheSeconds > 0
            ? createCachedStore(kv, { now: clock.now, cacheMs: cacheSeconds * 1000 })
            : undefined
        const client = openLaunchDarkly(environment, kv, store)
        return {
          request: async (flags, user) => {
            await client.waitForInitialization()
            if (isAllAtOnce) return readAll(client, { flags, context: toContext(user) })
            const values: SampleValue[] = []
            for (const { name, off } of flags) {
              values.push(await client.variation(name, toContext(user), off))
            }
            return values
          },
        }
      },
    }),
  }
}

/**
 * As the `cache` option of 2.7 does: flags come from memory for a time, and whether there is anything in KV is asked each time. See
 * https://github.com/launchdarkly/js-core/pull/801.
 */
function createCachedStore(
  kv: KVNamespace,
  { now, cacheMs }: { readonly now: () => number; readonly cacheMs: number },
): LaunchDarklyStore {
  let held: { readonly text: string; readonly untilMs: number } | undefined
  const cached = createLaunchDarklyStore(environment, async (name) => {
    if (held !== undefined && held.untilMs > now()) return held.text
    const text = await kv.get(name)
    if (text !== null) held = { text, untilMs: now() + cacheMs }
    return text
  })
  const uncached = createLaunchDarklyStore(environment, (name) => kv.get(name))
  return {
    get: (kind, name, callback) => cached.get(kind, name, callback),
    all: (kind, callback) => cached.all(kind, callback),
    initialized: (callback) => uncached.initialized(callback),
  }
}

async function readAll(
  client: LaunchDarklyClient,
  {
    flags,
    context,
  }: { readonly flags: readonly SampleFlag[]; readonly context: LaunchDarklyContext },
): Promise<readonly SampleFlag['on'][]> {
  const values = (await client.allFlagsState(context)).allValues()
  return flags.map(({ name, off }) => (values[name] ?? off) as typeof off)
}

function toContext({ id, country, age }: SampleUser): LaunchDarklyContext {
  return { kind: 'user', key: id, country, age }
}

/** The format of LaunchDarkly's SDKs. */
function toPayload(flags: readonly SampleFlag[]): unknown {
  return { flags: Object.fromEntries(flags.map((flag) => [flag.name, toFlag(flag)])), segments: {} }
}

function toFlag({ name, isEnabled, on, off, allow, rule }: SampleFlag): unknown {
  return {
    key: name,
    version: 1,
    on: isEnabled,
    salt: name,
    variations: [on, off],
    offVariation: 1,
    targets: allow === undefined ? [] : [{ values: allow, variation: 0 }],
    rules:
      rule === undefined
        ? []
        : [
            {
              id: 'rule',
              variation: 0,
              clauses: [
                { attribute: 'country', op: 'in', values: rule.countries },
                { attribute: 'age', op: 'greaterThanOrEqual', values: [rule.minAge] },
              ],
            },
          ],
    fallthrough: { variation: allow === undefined && rule === undefined ? 0 : 1 },
  }
}
