import { accounts, type Database, users, type UserRole } from '@codex/database'
import { hashPassword, verifyPassword } from 'better-auth/crypto'
import { and, eq } from 'drizzle-orm'
import { passwordLength } from './account-input.ts'

/** Whose password a hash is of. */
export interface Credential {
  readonly hash: string
  readonly user: {
    readonly id: string
    readonly email: string
    readonly name: string
    readonly role: UserRole
    readonly emailVerified: boolean
  }
}

/** better-auth's name for an account that has a password. */
export const credentialProvider = 'credential'

/** Reads the password's hash and the user in one query. `undefined`: there is no such user, or they have no password. */
export async function readCredential(
  database: Database,
  by: { readonly userId: string } | { readonly email: string },
): Promise<Credential | undefined> {
  const [row] = await database
    .select({
      hash: accounts.password,
      user: {
        id: users.id,
        email: users.email,
        name: users.name,
        role: users.role,
        emailVerified: users.emailVerified,
      },
    })
    .from(accounts)
    .innerJoin(users, eq(users.id, accounts.userId))
    .where(
      and(
        'userId' in by ? eq(users.id, by.userId) : eq(users.email, by.email),
        eq(accounts.providerId, credentialProvider),
      ),
    )
  return row?.hash == null ? undefined : { hash: row.hash, user: row.user }
}

/** Takes as long for nobody's password as for somebody's. */
export async function isPasswordOf(
  credential: Credential | undefined,
  password: string,
): Promise<boolean> {
  if (password.length > passwordLength.max) return false
  if (credential === undefined) {
    await hashPassword(password)
    return false
  }
  return verifyPassword({ hash: credential.hash, password })
}
