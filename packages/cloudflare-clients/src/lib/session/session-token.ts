import { toBase64Url } from '../shared/base64-url.ts'
import { sha256, sha256Base64Url } from '../shared/sha256.ts'
import { LruMap } from './lru-map.ts'

/** A token that this store signed. */
export interface KnownToken {
  /** Finds the authority of its user. */
  readonly userRef: string
  /** What is stored in place of the token. */
  readonly tokenHash: string
}

export interface SessionTokensOptions {
  readonly secrets: readonly string[]
  readonly random: (bytes: Uint8Array) => Uint8Array
  /** How many tokens an isolate remembers to be signed. */
  readonly memoryEntries: number
}

interface SigningKey {
  readonly id: string
  readonly inner: Uint8Array
  readonly outer: Uint8Array
}

const minSecretLength = 32
const blockBytes = 64
const tokenForm = /^v1\.([\w-]{8})\.([\w-]{22})\.([\w-]{43})\.([\w-]{43})$/
/** Known to everybody: it finds typing errors and cut tokens, and no forgeries. */
const publicKey = 'codex-session-checksum-without-a-secret'
const encoder = new TextEncoder()

/** @returns What stands for a user in tokens and in names of authorities. */
export function toUserRef(userId: string): string {
  return sha256Base64Url(`codex-session-user:${userId}`).slice(0, 22)
}

/** @returns Which of the secrets signed or sealed something. It follows from the secret and gives nothing of it away. */
export function toKeyId(secret: string): string {
  return sha256Base64Url(`codex-session-key:${secret}`).slice(0, 8)
}

/** @throws {RangeError} When there is no secret in the list, or one that is too short. */
export function checkSecrets(secrets: readonly string[]): void {
  if (secrets.length === 0) {
    throw new RangeError(
      'Cannot create session store: secrets must hold one at least, received none',
    )
  }
  for (const { length } of secrets) {
    if (length >= minSecretLength) continue
    throw new RangeError(
      `Cannot create session store: each of secrets must have at least ${minSecretLength} characters, received ${length}`,
    )
  }
}

/**
 * Makes tokens and reads them. Synchronous, with a SHA-256 in JavaScript: a token that was seen before costs a look into
 * a map, and an unknown one less than a turn through Web Crypto.
 */
export class SessionTokens {
  readonly #keys: readonly SigningKey[]
  readonly #random: (bytes: Uint8Array) => Uint8Array
  readonly #known: LruMap<KnownToken>

  constructor({ secrets, random, memoryEntries }: SessionTokensOptions) {
    this.#keys = (secrets.length === 0 ? [publicKey] : secrets).map(toSigningKey)
    this.#random = random
    this.#known = new LruMap(memoryEntries)
  }

  mint(userRef: string): KnownToken & { readonly token: string } {
    const secret = toBase64Url(this.#random(new Uint8Array(32)))
    const [key] = this.#keys as readonly [SigningKey, ...SigningKey[]]
    const signed = `v1.${key.id}.${userRef}.${secret}`
    return { token: `${signed}.${sign(key, signed)}`, userRef, tokenHash: sha256Base64Url(secret) }
  }

  /** @returns The token, or why it cannot be one of this store. */
  read(token: string): KnownToken | 'malformed' | 'forged' {
    const seen = this.#known.get(token)
    if (seen !== undefined) return seen
    const [, keyId = '', userRef = '', secret = '', mac = ''] = tokenForm.exec(token) ?? []
    if (mac === '') return 'malformed'
    const key = this.#keys.find(({ id }) => id === keyId)
    if (key === undefined) return 'forged'
    if (!isEqual(sign(key, token.slice(0, -1 - mac.length)), mac)) return 'forged'
    const known = { userRef, tokenHash: sha256Base64Url(secret) }
    this.#known.set(token, known)
    return known
  }
}

function toSigningKey(secret: string): SigningKey {
  // A key of its own for tokens, of the size that HMAC wants: the same secret also seals copies.
  const key = new Uint8Array(blockBytes)
  key.set(sha256(encoder.encode(`codex-session-token:${secret}`)))
  return {
    id: toKeyId(secret),
    inner: key.map((byte) => byte ^ 0x36),
    outer: key.map((byte) => byte ^ 0x5c),
  }
}

/** HMAC-SHA-256 (RFC 2104). */
function sign({ inner, outer }: SigningKey, text: string): string {
  return toBase64Url(sha256(join(outer, sha256(join(inner, encoder.encode(text))))))
}

function join(start: Uint8Array, end: Uint8Array): Uint8Array {
  const joined = new Uint8Array(start.length + end.length)
  joined.set(start)
  joined.set(end, start.length)
  return joined
}

/** In the same time wherever two texts of one length differ. */
function isEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}
