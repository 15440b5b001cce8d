import { createIdentifierHasher, ipIdentifier } from '@codex/cloudflare-clients/rate-limiter'
import type { IdentifierHasher } from '@codex/cloudflare-clients/rate-limiter'
import { canonicalEmail } from '../canonical-email.ts'
import type { IdentifierKind } from './enforced-policies.ts'

/** Who is counted, as a request knows it. `address` is the identifier of a network address, not the address itself. */
export type Counted =
  { readonly email: string } | { readonly address: string } | { readonly userId: string }

const storedIdentifier = /^(account|address|user):[\w-]{22}$/

/** The kind of an identifier of a limit. `null` for a text that is none. */
export function kindOfIdentifier(text: string): IdentifierKind | null {
  return (storedIdentifier.exec(text)?.[1] as IdentifierKind | undefined) ?? null
}

/**
 * The identifiers under which limits are counted: a kind and a keyed hash, such as `account:dGhpcyBpcyBub3QgaXQ`. They name
 * objects, appear in traces and logs, and are stored, so neither a mail address nor a network address may be in them, and
 * without the key nobody can find out whose one is by trying.
 */
export class LimitIdentifiers {
  readonly #secret: string
  #hashers: Readonly<Record<IdentifierKind, IdentifierHasher>> | undefined

  /** @param secret Of the site. The key is derived from it, so that neither tells the other's. */
  constructor(secret: string) {
    this.#secret = secret
  }

  async of(counted: Counted): Promise<string> {
    if ('email' in counted) return this.#hash('account', canonicalEmail(counted.email))
    if ('address' in counted) return this.#hash('address', counted.address)
    return this.#hash('user', counted.userId)
  }

  /** The identifier of a network address that somebody typed. `null` where the text is none, or one that many share. */
  async ofTypedAddress(text: string): Promise<string | null> {
    const result = ipIdentifier(text)
    return result.ok ? this.of({ address: result.identifier }) : null
  }

  async #hash(kind: IdentifierKind, text: string): Promise<string> {
    const hashers = (this.#hashers ??= createHashers(await deriveSecret(this.#secret)))
    return `${kind}:${await hashers[kind].hash(text)}`
  }
}

function createHashers(secret: string): Readonly<Record<IdentifierKind, IdentifierHasher>> {
  return {
    account: createIdentifierHasher({ secret, prefix: 'account' }),
    address: createIdentifierHasher({ secret, prefix: 'address' }),
    user: createIdentifierHasher({ secret, prefix: 'user' }),
  }
}

/** A key for this purpose alone, by HKDF: who learns it cannot sign sessions. */
async function deriveSecret(secret: string): Promise<string> {
  const encoder = new TextEncoder()
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveBits',
  ])
  const info = encoder.encode('codex web: identifiers of rate limits')
  const bits = await crypto.subtle.deriveBits(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info },
    key,
    256,
  )
  return Array.from(new Uint8Array(bits), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
