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
export function toStoredSession({ session, user }: StoredSession): StoredSession {
  const { id, userId, expiresAt, ipAddress, userAgent } = session
  return {
    session: {
      id,
      userId,
      expiresAt,
      // Rows of a database have null where the field is absent.
      ...(ipAddress != null && { ipAddress }),
      ...(userAgent != null && { userAgent }),
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

/**
 * Looks for what keeps a value from being a session, with or without its bearer.
 *
 * @returns What was wanted and what came, such as `user.name must be a string, received undefined`, or `null`.
 */
export function findSessionFault(value: unknown): string | null {
  if (!isRecord(value) || !isRecord(value.session)) return 'session must be an object'
  if (!isRecord(value.user)) return 'user must be an object'
  const { session, user } = value
  const strings = {
    'session.id': session.id,
    'session.userId': session.userId,
    'session.expiresAt': session.expiresAt,
    'session.ipAddress': session.ipAddress ?? '',
    'session.userAgent': session.userAgent ?? '',
    'user.id': user.id,
    'user.email': user.email,
    'user.name': user.name,
    'user.role': user.role,
  }
  for (const [path, field] of Object.entries(strings)) {
    if (typeof field !== 'string') return `${path} must be a string, received ${typeof field}`
  }
  if (Number.isNaN(Date.parse(String(session.expiresAt)))) {
    return 'session.expiresAt must be an ISO 8601 date'
  }
  if (!roles.includes(String(user.role))) return `user.role must be one of ${roles.join(', ')}`
  if (typeof user.emailVerified !== 'boolean') {
    return `user.emailVerified must be a boolean, received ${typeof user.emailVerified}`
  }
  return session.userId === user.id ? null : 'session.userId must be user.id'
}
