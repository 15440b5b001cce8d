export type UserRole = 'customer' | 'owner' | 'creator'

const roles: readonly string[] = ['customer', 'owner', 'creator'] satisfies UserRole[]

/** A session and its user, as an application sees them. */
export interface CachedSession {
  readonly session: {
    readonly id: string
    readonly userId: string
    /** The bearer token. It is never stored: `get` puts back the one it was called with. */
    readonly token: string
    /** ISO 8601. */
    readonly expiresAt: string
    readonly ipAddress?: string
    readonly userAgent?: string
  }
  readonly user: {
    readonly id: string
    readonly email: string
    readonly name: string
    readonly role: UserRole
    readonly emailVerified: boolean
  }
}

/** What is in KV: everything but the bearer. */
export interface StoredSession {
  readonly session: Omit<CachedSession['session'], 'token'>
  readonly user: CachedSession['user']
}

/** Takes the documented fields only: a larger object, such as a row of the database, must not reach KV with the rest. */
export function toStoredSession({ session, user }: CachedSession): StoredSession {
  const { id, userId, expiresAt, ipAddress, userAgent } = session
  return {
    session: {
      id,
      userId,
      expiresAt,
      ...(ipAddress !== undefined && { ipAddress }),
      ...(userAgent !== undefined && { userAgent }),
    },
    user: {
      id: user.id,
      email: user.email,
      name: user.name,
      role: user.role,
      emailVerified: user.emailVerified,
    },
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function areStrings(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string')
}

function areOptionalStrings(...values: readonly unknown[]): boolean {
  return values.every((value) => value === undefined || typeof value === 'string')
}

/** Whether what was read from KV is a session that this package stored. */
export function isStoredSession(value: unknown): value is StoredSession {
  if (!isRecord(value) || !isRecord(value.session) || !isRecord(value.user)) return false
  const { session, user } = value
  return (
    areStrings(session.id, session.userId, session.expiresAt, user.id, user.email, user.name) &&
    areOptionalStrings(session.ipAddress, session.userAgent) &&
    !Number.isNaN(Date.parse(String(session.expiresAt))) &&
    typeof user.role === 'string' &&
    roles.includes(user.role) &&
    typeof user.emailVerified === 'boolean' &&
    session.userId === user.id
  )
}
