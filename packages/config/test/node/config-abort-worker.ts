import { env, waitUntil } from 'cloudflare:workers'
import { ConfigClient, kvSource } from '../../src/index.ts'

/** How many requests of a key have come in: the test waits until a follower is there. */
const arrivals = new Map<string, number>()
/** By variant and key, at module scope, as an application has one: shared by all requests. */
const clients = new Map<string, ConfigClient<unknown>>()
/** How far the clock of a key is ahead. */
const aheadMs = new Map<string, number>()

/** KV that is as slow as the test's origin. */
function slowKV(origin: string): KVNamespace {
  return new Proxy(env.CONFIG_KV, {
    get: (kv, property) =>
      property === 'get'
        ? async (key: string, options: KVNamespaceGetOptions<'arrayBuffer'>) => {
            await (await fetch(origin)).text()
            return kv.get(key, options)
          }
        : undefined,
  })
}

function getClient(variant: string, key: string, origin: string): ConfigClient<unknown> {
  const known = clients.get(`${variant}/${key}`)
  if (known !== undefined) return known
  const client = new ConfigClient<unknown>({
    sources: [kvSource(slowKV(origin), 'web')],
    refresh: 'on-read',
    timeoutMs: 2000,
    now: () => Date.now() + (aheadMs.get(key) ?? 0),
    onEvent: () => undefined,
    ...(variant === 'anchored' && { waitUntil }),
  })
  clients.set(`${variant}/${key}`, client)
  return client
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const [, variant = '', key = ''] = pathname.split('/')
    if (variant === 'arrivals') return Response.json(arrivals.get(key) ?? 0)
    if (variant === 'age') {
      aheadMs.set(key, (aheadMs.get(key) ?? 0) + 60_000)
      arrivals.delete(key)
      return new Response()
    }
    if (variant === 'seed') {
      await env.CONFIG_KV.put('web', await request.text())
      return new Response()
    }
    arrivals.set(key, (arrivals.get(key) ?? 0) + 1)
    const client = getClient(variant, key, searchParams.get('origin') ?? '')
    return Response.json(await client.read())
  },
} satisfies ExportedHandler<{ readonly CONFIG_KV: KVNamespace }>
