const placeholderOrigin = 'https://same-origin.invalid'

/** Answering a sign-in with these would only send the visitor round in a circle. */
const neverTargets = ['/sign-in', '/sign-up', '/sign-out', '/check-mail', '/confirm-password']

/**
 * The path to go to after a sign-in, from a `next` parameter that anybody may have written.
 *
 * Only a path of this origin is accepted. Browsers read a backslash as a slash and drop tabs and line breaks, so
 * `/\evil.example` and `/\t/evil.example` are other origins to them: any such character refuses the whole value.
 *
 * @returns the path with its query and fragment, or `fallback` when the value is absent or not safe
 */
export function safeRedirectPath(value: string | null | undefined, fallback = '/'): string {
  if (!value?.startsWith('/') || value.startsWith('//') || value.length > 2048) return fallback
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(value)) return fallback
  if (!URL.canParse(value, placeholderOrigin)) return fallback
  const url = new URL(value, placeholderOrigin)
  // Normalising may leave `//` at the front again (`/.//evil.example`), which a Location header must not start with.
  if (url.origin !== placeholderOrigin || url.pathname.startsWith('//')) return fallback
  if (neverTargets.includes(url.pathname)) return fallback
  return url.pathname + url.search + url.hash
}
