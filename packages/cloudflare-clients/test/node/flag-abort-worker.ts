import { env, waitUntil } from 'cloudflare:workers'
import { FlagReader } from '../../src/feature-flags.ts'

/** How many requests of a key have come in: the test waits until a follower is there. */
const arrivals = new Map<string, number>()
/** By path, at module scope, as an application has one: shared by all requests. */
const readers = new Map<string, FlagReader>()

/** KV that is as slow as the test's origin. */
function slowKV(origin: string): KVNamespace {
  return new Proxy(env.KV, {
    get: (kv, property) =>
      property === 'get'
        ? async (key: string) => {
            await (await fetch(origin)).text()
            return kv.get(key, 'text')
          }
        : undefined,
  })
}

function getReader(variant: string, key: string, origin: string): FlagReader {
  const known = readers.get(`${variant}/${key}`)
  if (known !== undefined) return known
  const isAnchored = variant === 'anchored'
  const reader = new FlagReader(slowKV(origin), {
    onEvent: () => undefined,
    ...(isAnchored && { waitUntil }),
  })
  readers.set(`${variant}/${key}`, reader)
  return reader
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const [, variant = '', key = ''] = pathname.split('/')
    if (variant === 'arrivals') return Response.json(arrivals.get(key) ?? 0)
    if (variant === 'seed') {
      await env.KV.put('flags:default', await request.text())
      return new Response()
    }
    arrivals.set(key, (arrivals.get(key) ?? 0) + 1)
    const reader = getReader(variant, key, searchParams.get('origin') ?? '')
    return Response.json(await reader.isEnabled('beta', { userId: 'user-1' }))
  },
} satisfies ExportedHandler
