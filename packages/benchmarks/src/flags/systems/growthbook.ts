import type * as EdgeHelpers from '@growthbook/edge-cloudflare'
import {
  clearCache,
  type FeatureApiResponse,
  type FeatureDefinition,
  GrowthBook,
  helpers,
  setPolyfills,
} from '@growthbook/growthbook'
import { bundleWorker } from '../../workerd/bundle-worker.ts'
import {
  type FlagIsolate,
  flagsNamespace,
  type FlagSystem,
  type SampleValue,
} from '../flag-system.ts'
import type { SampleFlag, SampleUser } from '../sample-flags.ts'

const payloadKey = 'gb_payload'

let helpersOfEdge: Promise<typeof EdgeHelpers> | undefined

/** Its package for Workers, bundled as for one: Node cannot resolve the imports in it. */
async function loadEdgeHelpers(): Promise<typeof EdgeHelpers> {
  const script = await bundleWorker(`export * from '@growthbook/edge-cloudflare'`)
  const url = `data:text/javascript,${encodeURIComponent(script)}`
  return (await import(/* @vite-ignore */ url)) as typeof EdgeHelpers
}

function findEdgeHelpers(): Promise<typeof EdgeHelpers> {
  return (helpersOfEdge ??= loadEdgeHelpers())
}

/**
 * The first way of its documentation for Workers: a webhook stores the payload in KV, and each request reads it. Where there is none, it
 * fetches from its API.
 */
export const growthBookPayload: FlagSystem = {
  id: 'GrowthBook, payload in KV',
  prepare: findEdgeHelpers,
  open: ({ simulator, home, callVendor }) => {
    let payload: FeatureApiResponse = {}
    return {
      publish: (flags) => {
        payload = toPayload(flags)
        const kv = simulator.location(home).kv(flagsNamespace)
        return kv.put(payloadKey, JSON.stringify(payload))
      },
      openIsolate: (location): FlagIsolate => {
        const env = toEnv({ [flagsNamespace]: simulator.location(location).kv(flagsNamespace) })
        let opened: Promise<void> | undefined
        return {
          request: async (flags, user) => {
            await (opened ??= openModule(() => callVendor(() => Response.json(payload))))
            const { getPayloadFromKV } = await findEdgeHelpers()
            const found = await getPayloadFromKV(env, flagsNamespace, payloadKey)
            const growthBook = createGrowthBook(user)
            await growthBook.init(found === undefined ? {} : { payload: found })
            return readAll(growthBook, flags)
          },
        }
      },
    }
  },
}

/**
 * The second one: it fetches from its API, and keeps what it got in memory for a minute and in KV. What it keeps belongs to its module, so
 * that only one isolate at a time can be looked at.
 */
export const growthBookCache: FlagSystem = {
  id: 'GrowthBook, KV as its cache',
  prepare: findEdgeHelpers,
  open: ({ simulator, callVendor }) => {
    let payload: FeatureApiResponse = {}
    return {
      publish: (flags) => {
        payload = toPayload(flags)
        return Promise.resolve()
      },
      openIsolate: (location): FlagIsolate => {
        const env = toEnv({ [flagsNamespace]: simulator.location(location).kv(flagsNamespace) })
        let opened: Promise<void> | undefined
        return {
          request: async (flags, user) => {
            await (opened ??= openModule(() => callVendor(() => Response.json(payload)), env))
            const growthBook = createGrowthBook(user)
            await growthBook.init()
            return readAll(growthBook, flags)
          },
        }
      },
    }
  },
}

/** Lets the library forget what it has, as in a new isolate. @param env Where it has its cache. Default: in memory alone. */
async function openModule(fetchFeatures: () => Promise<Response>, env?: Env): Promise<void> {
  const { getKVLocalStoragePolyfill } = await findEdgeHelpers()
  // Without it first: what is in KV stays.
  setPolyfills({ localStorage: undefined as never })
  await clearCache()
  const storage = env && getKVLocalStoragePolyfill(env, flagsNamespace)
  if (storage !== undefined) setPolyfills({ localStorage: storage })
  helpers.fetchFeaturesCall = fetchFeatures
}

function createGrowthBook(user: SampleUser): GrowthBook {
  return new GrowthBook({
    apiHost: 'https://cdn.growthbook.test',
    clientKey: 'sdk-test',
    attributes: toAttributes(user),
  })
}

type Env = Parameters<typeof EdgeHelpers.getPayloadFromKV>[0]

/** Typed with all settings of its edge app, of which these calls use none. */
function toEnv(bindings: Readonly<Record<string, KVNamespace>>): Env {
  return bindings
}

function readAll(
  growthBook: GrowthBook,
  flags: readonly SampleFlag[],
): readonly SampleFlag['on'][] {
  return flags.map(({ name, off }) => growthBook.getFeatureValue<SampleValue>(name, off))
}

function toAttributes({ id, country, age }: SampleUser): Record<string, unknown> {
  return { id, country, age }
}

/** The format of GrowthBook's SDKs. */
function toPayload(flags: readonly SampleFlag[]): FeatureApiResponse {
  return { features: Object.fromEntries(flags.map((flag) => [flag.name, toFeature(flag)])) }
}

function toFeature({ isEnabled, on, off, allow, rule }: SampleFlag): FeatureDefinition {
  if (!isEnabled) return { defaultValue: off }
  if (allow === undefined && rule === undefined) return { defaultValue: on }
  return {
    defaultValue: off,
    rules: [
      ...(allow === undefined ? [] : [{ condition: { id: { $in: [...allow] } }, force: on }]),
      ...(rule === undefined
        ? []
        : [
            {
              condition: { country: { $in: [...rule.countries] }, age: { $gte: rule.minAge } },
              force: on,
            },
          ]),
    ],
  }
}
