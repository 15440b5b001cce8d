import type { ConfigEnvironment } from '../sources/env-source.ts'

type Fetch = typeof globalThis.fetch

/**
 * A `fetch` that goes through the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, as KV over HTTP does: Node's own goes around them.
 *
 * @returns `undefined` where the environment names none, and in Bun and Deno, whose own `fetch` honours them.
 */
export function createProxyFetch(env: ConfigEnvironment): Fetch | undefined {
  const httpProxy = env.http_proxy ?? env.HTTP_PROXY ?? ''
  const httpsProxy = env.https_proxy ?? env.HTTPS_PROXY ?? ''
  const { bun, deno } = process.versions
  if ((httpProxy === '' && httpsProxy === '') || bun !== undefined || deno !== undefined) {
    return undefined
  }
  const noProxy = env.no_proxy ?? env.NO_PROXY ?? ''
  let loaded: Promise<Fetch> | undefined
  return async (input, init) => {
    loaded ??= loadUndici({ httpProxy, httpsProxy, noProxy })
    return (await loaded)(input, init)
  }
}

async function loadUndici(proxies: {
  readonly httpProxy: string
  readonly httpsProxy: string
  readonly noProxy: string
}): Promise<Fetch> {
  const { EnvHttpProxyAgent, fetch } = await import('undici')
  const dispatcher = new EnvHttpProxyAgent(proxies)
  const throughProxy = (input: string, init: object): unknown =>
    fetch(input, { ...init, dispatcher })
  return throughProxy as unknown as Fetch
}
