import type { BetterAuthPlugin } from 'better-auth'
import { createAuthEndpoint } from 'better-auth/api'
import { deleteSessionCookie, HOST_COOKIE_PREFIX } from 'better-auth/cookies'

/** The session cookie's name over plain HTTP, that is in development. */
export const sessionCookieName = 'codex_session'

/** Its name over HTTPS. Browsers accept `__Host-` only when Secure, with Path=/ and no Domain. */
export const secureSessionCookieName = `${HOST_COOKIE_PREFIX}${sessionCookieName}` as const

export const sessionLifetimeSeconds = 30 * 24 * 60 * 60

/** A session is prolonged when it is seen and this much of its lifetime has passed. */
export const sessionUpdateAgeSeconds = 24 * 60 * 60

/**
 * Better-auth's cookie functions as calls on `auth.api`, so that nothing here signs or parses a cookie
 * in a way of its own. Neither asks the database anything.
 */
export const sessionCookiePlugin = {
  id: 'codex-session-cookie',
  endpoints: {
    readSessionToken: createAuthEndpoint.serverOnly(
      { method: 'GET', requireHeaders: true },
      async (ctx): Promise<string | null> => {
        const { authCookies, secret } = ctx.context
        const token = await ctx.getSignedCookie(authCookies.sessionToken.name, secret)
        // `false` is a signature that does not fit, `null` no cookie or none of the right shape.
        return token === false ? null : token
      },
    ),
    clearSessionCookie: createAuthEndpoint.serverOnly({ method: 'POST' }, (ctx) => {
      deleteSessionCookie(ctx)
      return Promise.resolve(null)
    }),
  },
} satisfies BetterAuthPlugin

/**
 * The session cookie among what better-auth sets. It also removes cookies that this platform never has, and
 * may prolong a session and replace it in one answer: the last word counts.
 */
export function sessionSetCookies(headers: Headers): string[] {
  const ours = headers
    .getSetCookie()
    .filter((each) =>
      [sessionCookieName, secureSessionCookieName].some((name) => each.startsWith(`${name}=`)),
    )
  return ours.slice(-1)
}
