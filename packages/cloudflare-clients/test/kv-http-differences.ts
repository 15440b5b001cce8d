import { observe } from './support/observe-kv.ts'

/** Something in which KV over HTTP is not as the local KV of the runtime. */
export interface KVHttpDifference {
  /** Its heading in docs/kv-over-http.md. */
  readonly title: string
  /** Does the same to both, and gives what can be seen of it. */
  readonly observe: (kv: KVNamespace) => Promise<unknown>
  readonly local: unknown
  readonly http: unknown
}

export const kvHttpDifferences: readonly KVHttpDifference[] = [
  {
    title: 'A text that is read with its metadata has no byte order mark',
    observe: async (kv) => {
      await kv.put('k', '\uFEFFtext', { metadata: 'm' })
      const { value } = await kv.getWithMetadata('k')
      const { value: bytes } = await kv.getWithMetadata('k', 'arrayBuffer')
      return [value, bytes?.byteLength, await kv.get('k')]
    },
    local: ['\uFEFFtext', 7, '\uFEFFtext'],
    http: ['text', 7, '\uFEFFtext'],
  },
  {
    title: 'A put whose stream fails stores nothing',
    observe: async (kv) => {
      await kv.put('k', 'old')
      const stream = new ReadableStream({
        start: (controller) => {
          controller.error(new RangeError('of the stream'))
        },
      })
      return [await observe(kv, 'put', 'k', stream), await kv.get('k')]
    },
    local: [{ thrown: 'RangeError: of the stream', when: 'as a rejection' }, ''],
    http: [{ thrown: 'RangeError: of the stream', when: 'as a rejection' }, 'old'],
  },
  {
    title: 'A prefix may hold U+0000',
    observe: async (kv) => {
      await kv.put('a\u0000b', 'v')
      return (await kv.list({ prefix: 'a\u0000' })).keys
    },
    local: [],
    http: [{ name: 'a\u0000b' }],
  },
]
