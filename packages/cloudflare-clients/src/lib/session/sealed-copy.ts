import { toBase64Url } from '../shared/base64-url.ts'
import { parseCopy, type SessionCopy } from './session-copy.ts'
import { toKeyId } from './session-token.ts'

/** How long after its confirmation a sealed copy is read. It is there for the time until KV has one. */
export const sealedCopySeconds = 120

/** Browsers take 4,096 bytes for a cookie with its name and attributes. */
const maxSealedLength = 3500
const ivBytes = 12
const encoder = new TextEncoder()

/** Seals copies for the browser that holds the token, and opens them for that token only. */
export class SealedCopies {
  readonly #secrets: readonly string[]
  readonly #random: (bytes: Uint8Array) => Uint8Array
  /** Keys, and no promises of them: those belong to the request that began them. */
  readonly #keys = new Map<string, CryptoKey>()

  constructor(secrets: readonly string[], random: (bytes: Uint8Array) => Uint8Array) {
    this.#secrets = secrets
    this.#random = random
  }

  /** @returns `null` where it would be too long for a cookie. */
  async seal(tokenHash: string, copy: SessionCopy): Promise<string | null> {
    const [secret] = this.#secrets
    const text = encoder.encode(JSON.stringify(copy))
    if (secret === undefined || text.length > maxSealedLength) return null
    const iv = new Uint8Array(this.#random(new Uint8Array(ivBytes)))
    const sealed = await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData: encoder.encode(tokenHash) },
      await this.#keyOf(secret),
      text,
    )
    const value = `v1.${toKeyId(secret)}.${toBase64Url(iv)}.${toBase64Url(new Uint8Array(sealed))}`
    return value.length > maxSealedLength ? null : value
  }

  /** @returns `undefined` where it was not sealed here, was changed, or belongs to another token. */
  async open(tokenHash: string, value: string): Promise<SessionCopy | undefined> {
    const [, keyId, iv = '', sealed = ''] =
      /^v1\.([\w-]{8})\.([\w-]{16})\.([\w-]{1,3500})$/.exec(value) ?? []
    const secret = this.#secrets.find((known) => toKeyId(known) === keyId)
    if (secret === undefined) return undefined
    try {
      const text = await crypto.subtle.decrypt(
        { name: 'AES-GCM', iv: fromBase64Url(iv), additionalData: encoder.encode(tokenHash) },
        await this.#keyOf(secret),
        fromBase64Url(sealed),
      )
      return parseCopy(new TextDecoder().decode(text))
    } catch {
      // Anybody can send one: it is no event.
      return undefined
    }
  }

  async #keyOf(secret: string): Promise<CryptoKey> {
    const known = this.#keys.get(secret)
    if (known !== undefined) return known
    const { subtle } = crypto
    const base = await subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey'])
    const key = await subtle.deriveKey(
      {
        name: 'HKDF',
        hash: 'SHA-256',
        salt: new Uint8Array(),
        info: encoder.encode('codex-session-copy'),
      },
      base,
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    )
    this.#keys.set(secret, key)
    return key
  }
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
