/** Pages that are the same for every visitor who is not signed in. Everything else is personal. */
const publicRoutes = new Set([
  '/(site)',
  '/(site)/browse',
  '/(site)/browse/[category]',
  '/(site)/item/[slug]',
  '/(site)/creator/[handle]',
])

/**
 * Decides the Cache-Control of a response.
 *
 * The adapter keeps GET responses with any other Cache-Control in `caches.default` and serves them before a hook
 * runs, without looking at cookies. So there are two cases only: `private, no-store` for whatever may be personal,
 * and no header at all for a public page of a visitor who sent no cookie.
 */
export function setCachePolicy(
  response: Response,
  { routeId, method, hasCookies }: { routeId: string | null; method: string; hasCookies: boolean },
): void {
  const isPublic =
    (method === 'GET' || method === 'HEAD') &&
    routeId !== null &&
    publicRoutes.has(routeId) &&
    response.status < 400 &&
    !hasCookies &&
    !response.headers.has('set-cookie')
  if (isPublic) {
    response.headers.delete('cache-control')
    response.headers.append('vary', 'Cookie')
  } else {
    response.headers.set('cache-control', 'private, no-store')
  }
}
