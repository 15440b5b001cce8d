import { env, waitUntil } from 'cloudflare:workers'
import { CacheClient, KVCache } from '../../src/cache.ts'

/** How many requests of a key have come in: the test waits until a follower is there. */
const arrivals = new Map<string, number>()

interface Origin {
  readonly key: string
  readonly url: string
}

async function load({ url }: Origin): Promise<unknown> {
  const response = await fetch(url)
  return response.json()
}

function defineDocuments(cache: CacheClient): (origin: Origin) => Promise<unknown> {
  const documents = cache.define('document', { key: ({ key }: Origin) => key, load, fresh: '5m' })
  return (origin) => documents.get(origin)
}

function wrapLoads(cache: KVCache): (origin: Origin) => Promise<unknown> {
  return (origin) => cache.getOrSet(origin.key, 300, () => load(origin))
}

const onEvent = (): void => undefined
/** By the first part of the path. At module scope, as an application has them: shared by all requests. */
const readers: Readonly<Record<string, (origin: Origin) => Promise<unknown>>> = {
  'define-anchored': defineDocuments(new CacheClient(env.KV, { waitUntil, onEvent })),
  'define-alone': defineDocuments(new CacheClient(env.KV, { onEvent })),
  'getOrSet-anchored': wrapLoads(new KVCache(env.KV, { waitUntil, onEvent })),
  'getOrSet-alone': wrapLoads(new KVCache(env.KV, { onEvent })),
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const [, reader = '', key = ''] = pathname.split('/')
    if (reader === 'arrivals') return Response.json(arrivals.get(key) ?? 0)
    arrivals.set(key, (arrivals.get(key) ?? 0) + 1)
    const read = readers[reader]
    if (read === undefined) return new Response(null, { status: 404 })
    return Response.json(await read({ key, url: searchParams.get('origin') ?? '' }))
  },
} satisfies ExportedHandler
