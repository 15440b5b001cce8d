import type { RequestSessions, Session } from '@codex/cloudflare-clients/session'
import { userRoles, type UserRole } from '@codex/database'

/** What a session carries of its user beside the e-mail and the role, which is the only one of its `roles`. */
export interface SessionData {
  readonly name: string
  readonly emailVerified: boolean
}

/** The session of one request, as `sessionHandle` and `createRequestSessions` make it. */
export type AuthSessions = RequestSessions<SessionData>

export interface SignedInUser {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly role: UserRole
  readonly emailVerified: boolean
}

/**
 * The user of a session, as they were when it was made or last changed.
 *
 * @throws {TypeError} When it is no session that this package made.
 */
export function toSignedInUser({ userId, email, roles, data }: Session<SessionData>): SignedInUser {
  const role = userRoles.find((each) => each === roles[0])
  if (role === undefined || email === undefined) {
    throw new TypeError('Cannot read the user of a session: it has no e-mail or an unknown role')
  }
  return { id: userId, email, name: data.name, role, emailVerified: data.emailVerified }
}
