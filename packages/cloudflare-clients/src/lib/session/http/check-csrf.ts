export interface CsrfOptions {
  /**
   * Other origins whose pages may send requests, such as `https://admin.example.com`: scheme, host and port as in an `Origin`
   * header, without a path, a `*` or a slash at the end. Default: none.
   */
  readonly trustedOrigins?: readonly string[]
  /**
   * Lets requests through that carry cookies but neither `Sec-Fetch-Site` nor `Origin`. Browsers of the last years send at
   * least one of them; programs with a cookie jar send neither. Default `false`.
   */
  readonly allowNonBrowser?: boolean
}

/** What is used of a request. A `Request` is one. */
export interface CsrfRequest {
  readonly method: string
  readonly url: string
  readonly headers: { get(name: string): string | null }
}

export type CsrfRefusal =
  /** Sent by a page of another origin of the same site, as `Sec-Fetch-Site` says. */
  | 'same_site'
  /** Sent by a page of another site, as `Sec-Fetch-Site` says. */
  | 'cross_site'
  /** `Origin` is neither that of the request nor a trusted one. */
  | 'other_origin'
  /** It carries cookies, and says nothing of where it comes from. */
  | 'no_origin'

export type CsrfResult =
  { readonly ok: true } | { readonly ok: false; readonly reason: CsrfRefusal }

/**
 * Checks that a request which may change something was sent by a page of this site, and not by another that uses the
 * visitor's cookies. It needs no token in forms.
 *
 * - GET, HEAD and OPTIONS pass: they must change nothing. A request for a WebSocket is checked like a POST.
 * - `Sec-Fetch-Site`, which no page can forge, decides where it is there: `same-origin` and `none` pass.
 * - Without it `Origin` has to be that of the request's URL. `null` never is.
 * - `trustedOrigins` pass whatever `Sec-Fetch-Site` says.
 * - With neither of the two, a request without cookies passes, as from a webhook, and one with cookies is refused.
 *
 * Origins are compared whole: another port, scheme or subdomain is another origin.
 *
 * @throws {TypeError} When an option is none, also where the request would pass.
 * @see https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 *
 * @example
 * ```ts
 * import { checkCsrf } from '@codex/cloudflare-clients/session'
 *
 * export function refuseForeignRequest(request: Request): Response | null {
 *   const csrf = checkCsrf(request, { trustedOrigins: ['https://admin.example.com'] })
 *   return csrf.ok ? null : new Response('Forbidden', { status: 403 })
 * }
 * ```
 */
export function checkCsrf(request: CsrfRequest, options: CsrfOptions = {}): CsrfResult {
  return createCsrfCheck(options)(request)
}

/** The check with its options looked at once. */
export function createCsrfCheck({
  trustedOrigins = [],
  allowNonBrowser = false,
}: CsrfOptions): (request: CsrfRequest) => CsrfResult {
  assertOptions(trustedOrigins, allowNonBrowser)
  return (request) => {
    if (isSafe(request)) return { ok: true }
    const origin = request.headers.get('Origin')
    if (origin !== null && trustedOrigins.includes(origin)) return { ok: true }
    const site = request.headers.get('Sec-Fetch-Site')
    if (site !== null) {
      if (site === 'same-origin' || site === 'none') return { ok: true }
      return { ok: false, reason: site === 'same-site' ? 'same_site' : 'cross_site' }
    }
    if (origin !== null) {
      return origin === new URL(request.url).origin
        ? { ok: true }
        : { ok: false, reason: 'other_origin' }
    }
    return allowNonBrowser || request.headers.get('Cookie') === null
      ? { ok: true }
      : { ok: false, reason: 'no_origin' }
  }
}

/** Whether a request must change nothing, by its method. Methods are case-sensitive: `get` is another one. */
export function isSafe({ method, headers }: CsrfRequest): boolean {
  if (method === 'HEAD' || method === 'OPTIONS') return true
  // Cookies go along with it, its method is GET, and no browser keeps a page of another origin from reading what it gets.
  return method === 'GET' && headers.get('Upgrade')?.toLowerCase() !== 'websocket'
}

function assertOptions(trustedOrigins: unknown, allowNonBrowser: unknown): void {
  if (!Array.isArray(trustedOrigins)) {
    throw new TypeError(
      `Cannot check for CSRF: trustedOrigins must be a list, received ${typeof trustedOrigins}`,
    )
  }
  for (const origin of trustedOrigins as unknown[]) {
    if (typeof origin === 'string' && /^https?:[^*]+$/.test(origin) && originOf(origin) === origin)
      continue
    throw new TypeError(
      `Cannot check for CSRF: trustedOrigins must hold origins such as "https://example.com", received ${typeof origin === 'string' ? JSON.stringify(origin) : typeof origin}`,
    )
  }
  if (typeof allowNonBrowser !== 'boolean') {
    throw new TypeError(
      `Cannot check for CSRF: allowNonBrowser must be true or false, received ${typeof allowNonBrowser}`,
    )
  }
}

function originOf(text: string): string | null {
  return URL.canParse(text) ? new URL(text).origin : null
}
