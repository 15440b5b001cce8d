import { env, waitUntil } from 'cloudflare:workers'
import type { CacheLibrary, Item } from '../libraries/cache-under-test.ts'

/** All of one length, so that no key holds another's id. */
const ids = Array.from({ length: 20 }, (_, index) => `item-${index + 10}`)

/**
 * A worker that reads the same entries again and again, with the library and without: the base is `kv.get` and
 * `JSON.parse` of the very entries that the library stored, because an entry's TTL and metadata cost time in KV too. `GET /<side>/<reads>` answers
 * with the number of right values, so that nothing is timed that was not right.
 */
export function kvHitWorker(library: CacheLibrary): ExportedHandler {
  const { CACHE_KV: kv } = env as unknown as { readonly CACHE_KV: KVNamespace }
  const load = (id: string): Promise<Item> =>
    Promise.resolve({ id, version: 1, loadedAtMs: Date.now(), title: id, body: 'x'.repeat(400) })
  const cache = library.create({
    kv,
    load,
    waitUntil,
    freshSeconds: 3600,
    staleSeconds: 3600,
    memory: false,
  })
  const keys = new Map<string, string>()
  /** The entry by hand. Libraries store more around the item, so that it holds the id is all that can be checked. */
  const readPlain = async (id: string): Promise<boolean> => {
    const text = await kv.get(keys.get(id) ?? '')
    return text !== null && typeof JSON.parse(text) === 'object' && text.includes(id)
  }
  const sides: Readonly<Record<string, (id: string) => Promise<boolean>>> = {
    base: readPlain,
    other: async (id) => (await cache.get(id))?.id === id,
  }
  return {
    async fetch(request) {
      const [side = '', count = ''] = new URL(request.url).pathname.slice(1).split('/')
      if (side === 'warm') {
        for (const id of ids) await cache.get(id)
        return Response.json(ids.length)
      }
      if (side === 'find') {
        const { keys: found } = await kv.list()
        for (const id of ids) keys.set(id, found.find(({ name }) => name.includes(id))?.name ?? '')
        return Response.json(keys.size)
      }
      const read = sides[side]
      if (!read) return new Response('No such side', { status: 404 })
      let right = 0
      for (let index = 0; index < Number(count); index++) {
        const id = ids[index % ids.length] ?? ''
        if (await read(id)) right++
      }
      return Response.json(right)
    },
  }
}
