import type { Environment } from './credentials.ts'

export interface KVHttpRequestInit {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

/** As much of `fetch` as is used. */
export type KVHttpFetch = (url: string, init: KVHttpRequestInit) => Promise<Response>

interface Platform {
  readonly process?: { readonly versions?: { readonly node?: string; readonly bun?: string } }
  readonly Deno?: unknown
  readonly navigator?: { readonly userAgent?: string }
}

/** Bun, Deno and workerd have a `fetch` that keeps connections and honours proxies, and cannot run undici or need not. */
function isPlainNode(): boolean {
  const { process, Deno, navigator } = globalThis as unknown as Platform
  const { node, bun } = process?.versions ?? {}
  const isWorkerd = navigator?.userAgent === 'Cloudflare-Workers'
  return node !== undefined && bun === undefined && Deno === undefined && !isWorkerd
}

/**
 * The platform's `fetch`, and in Node that of undici, with connections that are kept and with the proxies that the
 * environment names.
 */
export function createDefaultFetch(env: Environment): KVHttpFetch {
  if (!isPlainNode()) return (url, init) => globalThis.fetch(url, init)
  let loaded: Promise<KVHttpFetch> | undefined
  return async (url, init) => {
    loaded ??= loadUndici(env)
    return (await loaded)(url, init)
  }
}

async function loadUndici(env: Environment): Promise<KVHttpFetch> {
  const { EnvHttpProxyAgent, fetch } = await import('undici')
  const dispatcher = new EnvHttpProxyAgent({
    // Each as it is in `env`, also where that is nothing: undici would look into the process itself.
    httpProxy: env.http_proxy ?? env.HTTP_PROXY ?? '',
    httpsProxy: env.https_proxy ?? env.HTTPS_PROXY ?? '',
    noProxy: env.no_proxy ?? env.NO_PROXY ?? '',
    keepAliveTimeout: 30_000,
    // The client has timeouts of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  return (url, init) => fetch(url, { ...init, dispatcher }) as unknown as Promise<Response>
}

/** The variables of the process, where there is one. */
export function getProcessEnvironment(): Environment {
  const { process } = globalThis as { readonly process?: { readonly env?: Environment } }
  return process?.env ?? {}
}
