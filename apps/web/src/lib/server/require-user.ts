import { error, redirect } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import type { CachedSession } from '@codex/cloudflare-clients'

export type SignedInUser = CachedSession['user']
type Role = SignedInUser['role']

const unavailable = {
  message:
    'We cannot look up your account right now. You are still signed in; try again in a moment.',
}

/** Refuses to guess while sessions cannot be looked up. */
export function requireSessionLookup({ locals }: RequestEvent): void {
  if (locals.sessionUnavailable) error(503, unavailable)
}

/** The person who is signed in; everyone else is sent to sign in and comes back. */
export function requireSession(event: RequestEvent): CachedSession {
  requireSessionLookup(event)
  if (!event.locals.session) {
    const { pathname, search } = event.url
    // A form's own address holds the name of its action, which is no place to come back to.
    const next = event.request.method === 'GET' ? pathname + search : pathname
    redirect(303, `/sign-in?next=${encodeURIComponent(next)}`)
  }
  return event.locals.session
}

export function requireUser(event: RequestEvent): SignedInUser {
  return requireSession(event).user
}

/** The person who is signed in, if they have one of `roles`; others get the 403 page with `message`. */
function requireRole(
  event: RequestEvent,
  { roles, message }: { roles: readonly Role[]; message: string },
): SignedInUser {
  const user = requireUser(event)
  if (!roles.includes(user.role)) error(403, { message })
  return user
}

/** Anyone who may publish. */
export function requireCreator(event: RequestEvent): SignedInUser {
  return requireRole(event, {
    roles: ['creator', 'owner'],
    message: 'Only creators can do this. Ask the owner of the site to make you one.',
  })
}

/** Whoever runs the platform. */
export function requireOwner(event: RequestEvent): SignedInUser {
  return requireRole(event, {
    roles: ['owner'],
    message: 'Only the owner of the site can open this.',
  })
}
