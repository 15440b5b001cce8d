import { env, waitUntil } from 'cloudflare:workers'
import type { CacheLibrary, Item } from '../libraries/cache-under-test.ts'

const ids = Array.from({ length: 20 }, (_, index) => `item-${index}`)

/**
 * A worker that reads the same warm keys again and again, with the library and without. `GET /<side>/<reads>` answers
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
  const readPlain = async (id: string): Promise<Item | null> => {
    const text = await kv.get(`plain:${id}`)
    return text === null ? null : (JSON.parse(text) as Item)
  }
  const sides: Readonly<Record<string, (id: string) => Promise<Item | null>>> = {
    base: readPlain,
    other: (id) => cache.get(id),
  }
  return {
    async fetch(request) {
      const [side = '', count = ''] = new URL(request.url).pathname.slice(1).split('/')
      if (side === 'warm') {
        for (const id of ids) {
          await kv.put(`plain:${id}`, JSON.stringify(await load(id)))
          await cache.get(id)
        }
        return Response.json(ids.length)
      }
      const read = sides[side]
      if (!read) return new Response('No such side', { status: 404 })
      let right = 0
      for (let index = 0; index < Number(count); index++) {
        const id = ids[index % ids.length] ?? ''
        if ((await read(id))?.id === id) right++
      }
      return Response.json(right)
    },
  }
}
