import { checkNumber } from '../shared/check-number.ts'
import type { Timers } from '../shared/timers.ts'
import { type ApiSettings, CloudflareApi, type KVHttpRequestEvent } from './cloudflare-api.ts'
import { type Environment, type KVHttpAuth, resolveCredentials } from './credentials.ts'
import { createDefaultFetch, getProcessEnvironment, type KVHttpFetch } from './default-fetch.ts'
import { getProcessPacer, type RequestPacer } from './request-pacer.ts'

/** What a call may be given, beside the namespace's own. */
export interface KVHttpCallOptions {
  /** Ends calls that wait or are under way, which reject with its reason. Default: none. */
  readonly signal?: AbortSignal
  /**
   * Milliseconds for a try, from the request to the end of its answer, above 0. A value that is read as a stream has as many
   * for each chunk instead. Default 10,000: raise it for large values on a slow line.
   */
  readonly timeoutMs?: number
  /**
   * Milliseconds for a call with all of its tries, pauses and waits for a turn, above 0; of a bulk call for each 10,000
   * keys. A stream that was handed out has no deadline. Default 30,000.
   */
  readonly deadlineMs?: number
}

export interface KVHttpOptions extends KVHttpCallOptions {
  /** Default: `CLOUDFLARE_ACCOUNT_ID`. */
  readonly accountId?: string
  /**
   * `{ apiToken }`, for which "Workers KV Storage: Edit" of the account is enough, or `{ apiKey, email }`. Default:
   * `CLOUDFLARE_API_TOKEN`, else `CLOUDFLARE_API_KEY` with `CLOUDFLARE_EMAIL`.
   */
  readonly auth?: KVHttpAuth
  /** Where the variables and `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked for. Default: `process.env`. */
  readonly env?: Environment
  /** Default `https://api.cloudflare.com/client/v4`. Plain `http` only to the same machine. */
  readonly baseUrl?: string
  /** How often a request is sent at most, from 1. Default 6. */
  readonly maxAttempts?: number
  /** Default: the one that all clients of the account share in this process, of 1,200 requests in any 5 minutes. */
  readonly pacer?: RequestPacer
  /** Told of every request that was sent. It must not throw. */
  readonly onRequest?: (event: KVHttpRequestEvent) => void
  /** Default: that of undici in Node, with kept connections and the proxies of the environment, else the platform's. */
  readonly fetch?: KVHttpFetch
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: () => number
  /** From 0 up to 1, for the jitter of pauses. Default `Math.random`. */
  readonly random?: () => number
  /** Default: the platform's. */
  readonly timers?: Timers
}

/** @throws {TypeError | RangeError} When an option is missing or cannot be. */
export function createApi(action: string, options: KVHttpOptions): CloudflareApi {
  const { env = getProcessEnvironment() } = options
  const credentials = resolveCredentials(action, { ...options, env })
  const { baseUrl = 'https://api.cloudflare.com/client/v4', maxAttempts = 6 } = options
  checkNumber(`${action}: maxAttempts`, maxAttempts, { min: 1 })
  const settings: ApiSettings = {
    credentials,
    baseUrl: checkBaseUrl(action, baseUrl),
    maxAttempts,
    timeoutMs: 10_000,
    deadlineMs: 30_000,
    signal: undefined,
    pacer: options.pacer ?? getProcessPacer(credentials.accountId),
    fetch: options.fetch ?? createDefaultFetch(env),
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    timers: options.timers ?? globalThis,
    onRequest: options.onRequest ?? (() => undefined),
  }
  return withCallOptions(new CloudflareApi(settings), options, action)
}

/** The same API, with other limits or one more signal. */
export function withCallOptions(
  { settings }: CloudflareApi,
  options: KVHttpCallOptions,
  action: string,
): CloudflareApi {
  const { signal, timeoutMs = settings.timeoutMs, deadlineMs = settings.deadlineMs } = options
  checkNumber(`${action}: timeoutMs`, timeoutMs, { min: 1 })
  checkNumber(`${action}: deadlineMs`, deadlineMs, { min: 1 })
  const signals = [settings.signal, signal].filter((one) => one !== undefined)
  return new CloudflareApi({
    ...settings,
    timeoutMs,
    deadlineMs,
    signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
  })
}

function checkBaseUrl(action: string, baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '')
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)
  if (isSafe && !url.username && !url.search && !url.hash) return baseUrl.replace(/\/+$/, '')
  // Not what came: it may be an address with a password.
  throw new TypeError(
    `Cannot ${action}: baseUrl must be an https address without credentials, query and fragment, received another one`,
  )
}
