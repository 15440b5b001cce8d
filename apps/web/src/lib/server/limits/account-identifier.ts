import { sha256Hex } from '../sha256-hex.ts'
import { canonicalAddress } from './client-address.ts'

/** The spelling under which an e-mail address is one account. */
export function canonicalEmail(email: string): string {
  return email.trim().toLowerCase()
}

/**
 * The identifier of an account for its limits: a digest, because key names appear in traces and logs and an e-mail
 * address must not.
 */
export function accountIdentifier(email: string): Promise<string> {
  return sha256Hex(canonicalEmail(email))
}

/** The identifier that the limits use for what an owner typed: an e-mail address, a network address or a user's id. */
export async function identifierFor(text: string): Promise<string> {
  const trimmed = text.trim()
  if (trimmed.includes('@')) return accountIdentifier(trimmed)
  return canonicalAddress(trimmed) ?? trimmed
}
