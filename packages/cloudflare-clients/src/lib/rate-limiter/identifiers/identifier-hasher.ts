import { toBase64Url } from '../../shared/base64-url.ts'
import { checkNumber } from '../../shared/check-number.ts'

export interface IdentifierHasherOptions {
  /** The HMAC key, at least 32 characters, from a secret store and not from the source code. */
  readonly secret: string
  /** The key before, while it is being replaced: see {@link IdentifierHasher.hashAll}. Default: none. */
  readonly previousSecret?: string | undefined
  /** What kind of identifier this is, such as `ip`. The same text under two prefixes has two hashes. Not empty. */
  readonly prefix: string
  /** How many hashes an isolate keeps, at least 1: the one not used for the longest time goes first. Default 10,000. */
  readonly maxKept?: number
}

export interface IdentifierHasher {
  /** @returns 128 bits as 22 characters of base64url. */
  hash(identifier: string): Promise<string>
  /** @returns The hash, and after it the one under `previousSecret` where there is one. */
  hashAll(identifier: string): Promise<readonly [string] | readonly [string, string]>
}

const minSecretLength = 32
const hashBytes = 16
/** A longer identifier is whatever a client sent, and keeping many of them would fill the isolate's memory. */
const maxKeptLength = 256

/**
 * Makes a hasher of identifiers, so that no address, email or token of a client is stored, named or logged: only its
 * HMAC-SHA-256, cut to 128 bits. Without the secret nobody can try all IPv4 addresses, as with a plain digest, which
 * takes minutes. Who has the secret can: guard it like the addresses themselves.
 *
 * A hash costs some 50 µs of Web Crypto; the hashes of the last identifiers are kept in the isolate's memory, together
 * with the identifiers.
 *
 * **Rotation.** A new secret gives every client a new identifier, so counts begin again and blocks are not found. Deploy
 * it as `secret` with the old one as `previousSecret`, apply `reset` and `block` to all of `hashAll`, and check all of
 * it where a count must not begin again; drop `previousSecret` when the longest window and block are over.
 *
 * @throws {TypeError} When a secret or the prefix is no string or is empty, or when both secrets are the same.
 * @throws {RangeError} When a secret is too short or `maxKept` is not a number of at least 1.
 *
 * @example
 * ```ts
 * import { clientIp, createIdentifierHasher, requireIdentifier } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const addresses = createIdentifierHasher({ secret: env.AUTH_SECRET, prefix: 'ip' })
 * const identifier = await addresses.hash(requireIdentifier(clientIp(request)))
 * ```
 */
export function createIdentifierHasher({
  secret,
  previousSecret,
  prefix,
  maxKept = 10_000,
}: IdentifierHasherOptions): IdentifierHasher {
  assertText('create identifier hasher: prefix', prefix)
  assertSecret('secret', secret)
  checkNumber('create identifier hasher: maxKept', maxKept, { min: 1 })
  const hash = createKeyedHash(secret, { prefix, maxKept })
  if (previousSecret === undefined) {
    return { hash, hashAll: async (identifier) => [await hash(identifier)] }
  }
  assertSecret('previousSecret', previousSecret)
  if (previousSecret === secret) {
    throw new TypeError(
      'Cannot create identifier hasher: previousSecret must be another than secret, received the same',
    )
  }
  const hashPrevious = createKeyedHash(previousSecret, { prefix, maxKept })
  return {
    hash,
    hashAll: async (identifier) => [await hash(identifier), await hashPrevious(identifier)],
  }
}

function createKeyedHash(
  secret: string,
  { prefix, maxKept }: { readonly prefix: string; readonly maxKept: number },
): (identifier: string) => Promise<string> {
  const encoder = new TextEncoder()
  // Results are kept and not promises: a promise of another request may never settle here.
  let key: CryptoKey | undefined
  const kept = new Map<string, string>()
  return async (identifier) => {
    assertText('hash identifier: it', identifier)
    const known = kept.get(identifier)
    if (known !== undefined) {
      kept.delete(identifier)
      kept.set(identifier, known)
      return known
    }
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    key ??= await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign'])
    // JSON keeps the parts apart, and lone surrogates too, which UTF-8 would make all the same.
    const message = encoder.encode(JSON.stringify(['rate-limit-identifier', prefix, identifier]))
    const digest = new Uint8Array(await crypto.subtle.sign('HMAC', key, message))
    const hash = toBase64Url(digest.subarray(0, hashBytes))
    if (identifier.length <= maxKeptLength) {
      kept.set(identifier, hash)
      const [oldest] = kept.keys()
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest)
    }
    return hash
  }
}

function assertText(what: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && value !== '') return
  throw new TypeError(
    `Cannot ${what} must be a string and not empty, received ${value === '' ? 'an empty one' : typeof value}`,
  )
}

function assertSecret(name: string, secret: string): void {
  assertText(`create identifier hasher: ${name}`, secret)
  if (secret.length >= minSecretLength) return
  throw new RangeError(
    `Cannot create identifier hasher: ${name} must be at least ${minSecretLength} characters, received ${secret.length}`,
  )
}
