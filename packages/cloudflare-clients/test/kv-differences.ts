import type { EdgeSimulatorOptions } from '../src/testing.ts'
import { observe } from './support/observe-kv.ts'

/** Something in which the simulator is not as the local KV of the runtime, and what it follows instead. */
export interface KVDifference {
  /** The heading of its section in docs/edge-simulator.md. */
  readonly title: string
  /** What it follows, as it stands in that section. */
  readonly source: string
  /** Default: those of the simulator itself. */
  readonly options?: EdgeSimulatorOptions
  /** Does the same to both, and gives what can be seen of it. */
  readonly observe: (world: DifferentWorld) => Promise<unknown>
  readonly local: unknown
  readonly simulated: unknown
}

/** The local KV has one location, so both are the same there. */
interface DifferentWorld {
  readonly here: KVNamespace
  readonly elsewhere: KVNamespace
  /** Seconds pass for the simulator. The local KV has the machine's time, which does not pass for a test. */
  readonly pass: (seconds: number) => Promise<void>
}

const docs = 'https://developers.cloudflare.com/kv'

async function messageOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'no error'
  } catch (error) {
    return (error as Error).message
  }
}

export const kvDifferences: readonly KVDifference[] = [
  {
    title: 'A location serves what it has cached',
    source: `${docs}/concepts/how-kv-works/`,
    options: { consistency: { propagation: 0 } },
    observe: async ({ here, elsewhere, pass }) => {
      await here.put('k', 'old')
      await elsewhere.get('k')
      await pass(1)
      await here.put('k', 'new')
      return elsewhere.get('k')
    },
    local: 'new',
    simulated: 'old',
  },
  {
    title: 'A miss is cached too',
    source: `${docs}/concepts/how-kv-works/`,
    options: { consistency: { propagation: 0 } },
    observe: async ({ here, elsewhere }) => {
      await elsewhere.get('k')
      await here.put('k', 'new')
      return elsewhere.get('k')
    },
    local: 'new',
    simulated: null,
  },
  {
    title: 'The `cacheTtl` of a read has an effect',
    source: `${docs}/api/read-key-value-pairs/`,
    options: { consistency: { propagation: 0 } },
    observe: async ({ here, elsewhere, pass }) => {
      await elsewhere.get('k', { cacheTtl: 3600 })
      await pass(1)
      await here.put('k', 'new')
      await pass(1000)
      return [await elsewhere.get('k', { cacheTtl: 3600 }), await elsewhere.get('k')]
    },
    local: ['new', 'new'],
    simulated: [null, 'new'],
  },
  {
    title: 'A write takes time to be visible elsewhere',
    source: `${docs}/concepts/how-kv-works/`,
    options: { consistency: { propagation: 60_000 } },
    observe: async ({ here, elsewhere, pass }) => {
      await here.put('k', 'new')
      const early = await elsewhere.get('k')
      await pass(120)
      return [early, await elsewhere.get('k')]
    },
    local: ['new', 'new'],
    simulated: [null, 'new'],
  },
  {
    title: 'A location may not see its own write',
    source: `${docs}/concepts/how-kv-works/`,
    options: { consistency: { readYourWrites: 0 } },
    observe: async ({ here }) => {
      await here.get('k')
      await here.put('k', 'new')
      return here.get('k')
    },
    local: 'new',
    simulated: null,
  },
  {
    title: 'A key takes one write a second',
    source: `${docs}/platform/limits/`,
    observe: async ({ here }) => {
      await here.put('k', '1')
      return [await messageOf(here.put('k', '2')), await messageOf(here.delete('k'))]
    },
    local: ['no error', 'no error'],
    simulated: ['KV PUT failed: 429 Too Many Requests', 'KV DELETE failed: 429 Too Many Requests'],
  },
  {
    title: 'The free plan has daily quotas',
    source: `${docs}/platform/limits/`,
    options: { plan: 'free' },
    observe: async ({ here }) => {
      for (let index = 0; index < 1000; index++) await here.put(`k${index}`, 'v')
      return messageOf(here.put('one more', 'v'))
    },
    local: 'no error',
    simulated: 'KV put() limit exceeded for the day.',
  },
  {
    title: 'A page of a list may be short or empty while more follow',
    source: `${docs}/api/list-keys/`,
    observe: async ({ here, pass }) => {
      for (const key of ['a', 'b', 'c']) await here.put(key, 'v')
      await pass(400)
      await here.delete('a')
      await pass(400)
      const { keys, list_complete } = await here.list({ limit: 1 })
      return [keys.length, list_complete]
    },
    local: [1, false],
    simulated: [0, false],
  },
  {
    title: '`cacheStatus` says whether the cache answered',
    source: 'https://github.com/cloudflare/workerd/blob/main/src/workerd/api/kv.c%2B%2B',
    observe: async ({ here }) => {
      const first = await here.getWithMetadata('k')
      const second = await here.getWithMetadata('k')
      return [first.cacheStatus, second.cacheStatus]
    },
    local: [null, null],
    simulated: ['MISS', 'HIT'],
  },
  {
    title: 'The 25 MiB of a bulk read are counted in bytes',
    source: `${docs}/api/read-key-value-pairs/`,
    options: { consistency: 'strong' },
    observe: async ({ here }) => {
      await here.put('k', 'é'.repeat(13_107_200))
      await here.put('l', 'v')
      return messageOf(here.get(['k', 'l']))
    },
    local: 'no error',
    simulated: 'KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB',
  },
  {
    title: 'A put whose stream fails stores nothing',
    source: 'A write that is reported as failed must not be taken to have replaced the value',
    options: { consistency: 'strong' },
    observe: async ({ here }) => {
      await here.put('k', 'old')
      const stream = new ReadableStream({
        start: (controller) => {
          controller.error(new RangeError('of the stream'))
        },
      })
      return [await observe(here, 'put', 'k', stream), await here.get('k')]
    },
    local: [{ thrown: 'RangeError: of the stream', when: 'as a rejection' }, ''],
    simulated: [{ thrown: 'RangeError: of the stream', when: 'as a rejection' }, 'old'],
  },
  {
    title: 'A prefix may hold U+0000',
    source: `${docs}/api/list-keys/`,
    options: { consistency: 'strong' },
    observe: async ({ here }) => {
      await here.put('a\u0000b', 'v')
      return (await here.list({ prefix: 'a\u0000' })).keys
    },
    local: [],
    simulated: [{ name: 'a\u0000b' }],
  },
]
