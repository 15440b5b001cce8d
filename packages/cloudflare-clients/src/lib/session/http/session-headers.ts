/** Read by caches in front of a Worker instead of `Cache-Control`, which they would therefore overrule. */
const cacheFieldsOfOthers = [
  'CDN-Cache-Control',
  'Cloudflare-CDN-Cache-Control',
  'Surrogate-Control',
]

/**
 * Marks what depends on a session, so that no cache gives it to anyone else: `Cache-Control: private, no-store`, and `Cookie`
 * in `Vary` for caches that are told to ignore the former.
 *
 * A `Cache-Control` that says `private` or `no-store` already, and neither `public` nor `s-maxage`, is kept: a picture that
 * the user's own browser may keep. Every other one is replaced, and fields such as `CDN-Cache-Control` are taken away.
 *
 * @param headers Of a response, changed in place.
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
 *
 * @example
 * ```ts
 * import { privateNoStore } from '@codex/cloudflare-clients/session'
 *
 * const response = Response.json({ name: 'Ada' })
 * privateNoStore(response.headers)
 * ```
 */
export function privateNoStore(headers: Headers): void {
  const directives = listOf(headers, 'Cache-Control')
  const isPrivate = directives.includes('private') || directives.includes('no-store')
  const isShared = directives.some((one) => one === 'public' || one.startsWith('s-maxage'))
  if (!isPrivate || isShared) headers.set('Cache-Control', 'private, no-store')
  for (const name of cacheFieldsOfOthers) headers.delete(name)
  const varying = listOf(headers, 'Vary')
  if (!varying.includes('cookie') && !varying.includes('*')) headers.append('Vary', 'Cookie')
}

/** What a browser can be told to forget of a site. */
export type SiteData = 'cache' | 'cookies' | 'storage'

const siteData: readonly string[] = ['cache', 'cookies', 'storage'] satisfies SiteData[]

/**
 * Tells the browser to forget what it keeps of this site, as when a user signs out of a shared computer. Browsers heed it
 * over HTTPS only.
 *
 * - `cache`: responses that the browser kept, and pages behind its back button.
 * - `cookies`: all cookies of the whole registrable domain, those of other subdomains too, and such as are set along with it.
 * - `storage`: `localStorage`, databases and service workers of this origin, with drafts and settings in them.
 *
 * @param headers Of a response, changed in place.
 * @param what Default `['cache']`. The session's own cookies are cleared by name, and the other two take away what is not
 * the session's; name them where everything of the user is to go.
 * @throws {TypeError} When `what` is empty or names something else.
 * @see https://www.w3.org/TR/clear-site-data/
 *
 * @example
 * ```ts
 * import { clearSiteData } from '@codex/cloudflare-clients/session'
 *
 * const response = new Response(null, { status: 303, headers: { Location: '/' } })
 * clearSiteData(response.headers, ['cache', 'storage'])
 * ```
 */
export function clearSiteData(headers: Headers, what: readonly SiteData[] = ['cache']): void {
  assertSiteData(what)
  headers.set('Clear-Site-Data', what.map((one) => `"${one}"`).join(', '))
}

/** @throws {TypeError} When it is empty or names something that is none. */
export function assertSiteData(what: unknown): asserts what is readonly SiteData[] {
  if (
    Array.isArray(what) &&
    what.length > 0 &&
    what.every((one) => siteData.includes(one as string))
  ) {
    return
  }
  throw new TypeError(
    `Cannot clear site data: what must be a list of ${siteData.join(', ')}, received ${JSON.stringify(what)}`,
  )
}

function listOf(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? '').split(',').map((one) => one.trim().toLowerCase())
}
