import { error, redirect } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import type { SignedInUser } from '@codex/auth'

/** Who is signed in with a request. */
export interface SignedInSession {
  /** No credential. */
  readonly id: string
  /** When they last gave their password, epoch ms. */
  readonly authenticatedAtMs: number
  readonly user: SignedInUser
}

type Role = SignedInUser['role']

/** How long after giving the password money and rights may be changed without giving it again. */
const recentSeconds = 15 * 60

const unavailable = {
  message:
    'We cannot look up your account right now. You are still signed in; try again in a moment.',
}

/** Refuses to guess while sessions cannot be looked up. */
export function requireSessionLookup({ locals }: RequestEvent): void {
  if (locals.sessionUnavailable) error(503, unavailable)
}

/** The person who is signed in; everyone else is sent to sign in and comes back. */
export function requireSession(event: RequestEvent): SignedInSession {
  requireSessionLookup(event)
  if (!event.locals.session) {
    redirect(303, `/sign-in?next=${encodeURIComponent(placeToReturn(event))}`)
  }
  return event.locals.session
}

/** A form's own address holds the name of its action, which is no place to come back to. */
function placeToReturn({ url, request }: RequestEvent): string {
  return request.method === 'GET' ? url.pathname + url.search : url.pathname
}

/**
 * For what moves money or rights: whoever gave their password longer ago than 15 minutes is sent to give it again, and comes back.
 * What they were about to do is not done then.
 */
export function requireRecentSignIn(event: RequestEvent, nowMs = Date.now()): void {
  const { authenticatedAtMs } = requireSession(event)
  if (nowMs - authenticatedAtMs <= recentSeconds * 1000) return
  redirect(303, `/confirm-password?next=${encodeURIComponent(placeToReturn(event))}`)
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
