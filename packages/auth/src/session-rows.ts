import type { CachedSession } from '@codex/cloudflare-clients'
import { type Database, sessions, users, type UserRole } from '@codex/database'
import { and, desc, eq, gt } from 'drizzle-orm'

/** A session of a user as an account page may show it. It holds nothing that could be used as one. */
export interface SessionSummary {
  readonly id: string
  readonly createdAt: Date
  /** When it was last prolonged, which happens at most once a day. */
  readonly lastUsedAt: Date
  readonly expiresAt: Date
  readonly ipAddress?: string
  readonly userAgent?: string
}

/** The fields that a session's row and better-auth's session have in common, and likewise for the user. */
interface SessionFields {
  readonly session: {
    readonly id: string
    readonly userId: string
    readonly token: string
    readonly expiresAt: Date
    readonly ipAddress?: string | null | undefined
    readonly userAgent?: string | null | undefined
  }
  readonly user: {
    readonly id: string
    readonly email: string
    readonly name: string
    readonly role: UserRole
    readonly emailVerified: boolean
  }
}

export function toCachedSession({ session, user }: SessionFields): CachedSession {
  return {
    session: {
      id: session.id,
      userId: session.userId,
      token: session.token,
      expiresAt: session.expiresAt.toISOString(),
      ...client(session),
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

/** Reads a session that has not expired, with its user, in one query. It prolongs nothing. */
export async function readSession(
  database: Database,
  token: string,
  { nowMs }: { nowMs: number },
): Promise<CachedSession | null> {
  const [row] = await database
    .select({ session: sessions, user: users })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.token, token), gt(sessions.expiresAt, new Date(nowMs))))
  return row === undefined ? null : toCachedSession(row)
}

export async function listSessionSummaries(
  database: Database,
  userId: string,
  { nowMs }: { nowMs: number },
): Promise<SessionSummary[]> {
  const rows = await database
    .select({
      id: sessions.id,
      createdAt: sessions.createdAt,
      lastUsedAt: sessions.updatedAt,
      expiresAt: sessions.expiresAt,
      ipAddress: sessions.ipAddress,
      userAgent: sessions.userAgent,
    })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), gt(sessions.expiresAt, new Date(nowMs))))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
  return rows.map(({ ipAddress, userAgent, ...row }) => ({
    ...row,
    ...client({ ipAddress, userAgent }),
  }))
}

/** better-auth stores '' for what it does not know. */
function client(row: Pick<SessionFields['session'], 'ipAddress' | 'userAgent'>): {
  ipAddress?: string
  userAgent?: string
} {
  const { ipAddress, userAgent } = row
  return {
    ...(ipAddress != null && ipAddress !== '' && { ipAddress }),
    ...(userAgent != null && userAgent !== '' && { userAgent }),
  }
}
