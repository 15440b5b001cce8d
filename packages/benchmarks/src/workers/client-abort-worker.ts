import { env, waitUntil } from 'cloudflare:workers'
import type { CacheLibrary, Item } from '../libraries/cache-under-test.ts'

/** How long the origin takes, in milliseconds: long enough to reset a client in the middle. */
export const originMs = 800

/**
 * A worker with one library's cache at module scope. `GET /<id>` answers with the item; `GET /calls/<id>` says how
 * often the origin was asked for it.
 */
export function clientAbortWorker(library: CacheLibrary): ExportedHandler {
  const calls = new Map<string, number>()
  const cache = library.create({
    kv: bindings().CACHE_KV,
    load: async (id): Promise<Item> => {
      const version = (calls.get(id) ?? 0) + 1
      calls.set(id, version)
      await new Promise((resolve) => setTimeout(resolve, originMs))
      return { id, version, loadedAtMs: Date.now(), title: `Item ${id}`, body: 'x'.repeat(400) }
    },
    waitUntil,
    freshSeconds: 60,
    staleSeconds: 600,
    memory: true,
  })
  return {
    async fetch(request) {
      const [first = '', second = ''] = new URL(request.url).pathname.slice(1).split('/')
      if (first === 'calls') return Response.json(calls.get(second) ?? 0)
      return Response.json(await cache.get(first))
    },
  }
}

function bindings(): { readonly CACHE_KV: KVNamespace } {
  return env as unknown as { readonly CACHE_KV: KVNamespace }
}
