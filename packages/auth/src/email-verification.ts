import { type Database, users, verifications } from '@codex/database'
import { and, eq, gt, lt, sql } from 'drizzle-orm'

export type VerifyEmailResult =
  { readonly ok: true } | { readonly ok: false; readonly reason: 'invalid_token' | 'expired_token' }

export interface EmailVerification {
  /** Makes a link's token for a user. It works once and for 24 hours. */
  issueToken(userId: string): Promise<string>
  verify(token: string): Promise<VerifyEmailResult>
}

const tokenLifetimeMs = 24 * 60 * 60 * 1000
/** How long an expired link is still answered with "expired", which helps more than "invalid". */
const expiredKeptMs = 7 * 24 * 60 * 60 * 1000
const tokenBytes = 32

/**
 * Single-use links for confirming an address, in better-auth's table of verifications. better-auth's own are
 * signed tokens that nobody remembers, so that they can be used any number of times.
 *
 * Of a token only the SHA-256 is stored: whoever reads the table can confirm nothing.
 */
export function createEmailVerification(options: {
  database: Database
  now: () => number
}): EmailVerification {
  const { database, now } = options
  return {
    async issueToken(userId) {
      const token = base64Url(crypto.getRandomValues(new Uint8Array(tokenBytes)))
      const nowMs = now()
      const row = {
        identifier: await identifierOf(token),
        value: userId,
        expiresAt: new Date(nowMs + tokenLifetimeMs),
      }
      await database.batch([
        database
          .delete(verifications)
          .where(lt(verifications.expiresAt, new Date(nowMs - expiredKeptMs))),
        database.insert(verifications).values(row),
      ])
      return token
    },

    async verify(token) {
      const nowMs = now()
      const identifier = await identifierOf(token)
      const valid = and(
        eq(verifications.identifier, identifier),
        gt(verifications.expiresAt, new Date(nowMs)),
      )
      // One transaction: a token is spent exactly when its user is verified.
      const [verifiedUsers] = await database.batch([
        database
          .update(users)
          .set({ emailVerified: true, updatedAt: new Date(nowMs) })
          .where(
            eq(
              users.id,
              sql`(${database.select({ value: verifications.value }).from(verifications).where(valid)})`,
            ),
          )
          .returning({ id: users.id }),
        database.delete(verifications).where(valid),
      ])
      if (verifiedUsers.length > 0) return { ok: true }
      const expired = await database
        .select({ id: verifications.id })
        .from(verifications)
        .where(eq(verifications.identifier, identifier))
      return { ok: false, reason: expired.length > 0 ? 'expired_token' : 'invalid_token' }
    },
  }
}

async function identifierOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    'SHA-256',
    new TextEncoder().encode(`verify-email:${token}`),
  )
  return base64Url(new Uint8Array(digest))
}

function base64Url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
