/** Statuses that a client follows with another request, which a low remaining quota would make it put off. */
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const rateLimitFields = ['RateLimit', 'RateLimit-Policy', 'X-RateLimit-Limit']

/**
 * Adds rate limit fields to a response, also to an immutable one, as `fetch` and `Response.redirect` give. One that
 * carries such fields already keeps its own. A redirect gets the policy only, and a switch of protocols nothing.
 *
 * @returns The same response, or a copy where it is immutable.
 */
export function addRateLimitHeaders(
  response: Response,
  headers: Readonly<Record<string, string>>,
): Response {
  if (rateLimitFields.some((name) => response.headers.has(name))) return response
  return addHeaders(
    response,
    redirects.has(response.status)
      ? { 'RateLimit-Policy': new Headers(headers).get('RateLimit-Policy') ?? undefined }
      : headers,
  )
}

/** Adds the headers that the response does not have. */
export function addHeaders(
  response: Response,
  headers: Readonly<Record<string, string | undefined>>,
): Response {
  const missing = Object.entries(headers).filter(
    (header): header is [string, string] =>
      header[1] !== undefined && !response.headers.has(header[0]),
  )
  // A response below 200 is a switch to a WebSocket or a network error, of which no copy can be made.
  if (missing.length === 0 || response.status < 200) return response
  try {
    for (const [name, value] of missing) response.headers.set(name, value)
    return response
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const copy = new Response(response.body, response)
    for (const [name, value] of missing) copy.headers.set(name, value)
    return copy
  }
}
