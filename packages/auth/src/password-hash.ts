import { hashPassword as hash } from 'better-auth/crypto'

/** Hashes a password as sign-in verifies it, with scrypt and a salt of its own: for seeding users. */
export function hashPassword(password: string): Promise<string> {
  return hash(password)
}
