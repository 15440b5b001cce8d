const ivBytes = 12
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Seals texts with AES-GCM-256 under keys derived from secrets: the first seals, all open.
 *
 * What is sealed for one place opens in no other, so nobody who can write to the storage can move it.
 */
export class ValueSealer {
  readonly #secrets: readonly string[]
  readonly #purpose: string
  #keys: readonly CryptoKey[] = []

  /**
   * @param purpose What the keys are for: those for something else differ.
   * @throws {RangeError} When there is no secret, or one is shorter than 32 characters.
   */
  constructor(action: string, secrets: readonly string[], purpose: string) {
    const lengths = secrets instanceof Array ? secrets.map((one) => one.length) : []
    if (lengths.length === 0 || lengths.some((length) => !(length >= 32))) {
      throw new RangeError(
        `Cannot ${action}: secrets must be at least one text of 32 characters or more, received lengths [${lengths.join(', ')}]`,
      )
    }
    this.#secrets = secrets
    this.#purpose = purpose
  }

  async seal(place: string, text: string): Promise<Uint8Array> {
    const [key] = await this.#deriveKeys()
    if (key === undefined) throw new Error('no key')
    const iv = crypto.getRandomValues(new Uint8Array(ivBytes))
    const additionalData = encoder.encode(place)
    const algorithm = { name: 'AES-GCM', iv, additionalData }
    const sealed = await crypto.subtle.encrypt(algorithm, key, encoder.encode(text))
    const joined = new Uint8Array(ivBytes + sealed.byteLength)
    joined.set(iv)
    joined.set(new Uint8Array(sealed), ivBytes)
    return joined
  }

  /** @returns `null` where none of the secrets opens it, or it was sealed for another place. */
  async open(place: string, sealed: Uint8Array): Promise<string | null> {
    const bytes = new Uint8Array(sealed)
    const iv = bytes.subarray(0, ivBytes)
    const additionalData = encoder.encode(place)
    for (const key of await this.#deriveKeys()) {
      try {
        const algorithm = { name: 'AES-GCM', iv, additionalData }
        return decoder.decode(await crypto.subtle.decrypt(algorithm, key, bytes.subarray(ivBytes)))
      } catch {
        // Another secret’s, perhaps.
      }
    }
    return null
  }

  /** In the first request and not before, and each request for itself: one must not wait for a promise of another, which may never settle. */
  async #deriveKeys(): Promise<readonly CryptoKey[]> {
    if (this.#keys.length === 0) {
      this.#keys = await Promise.all(this.#secrets.map((secret) => this.#deriveKey(secret)))
    }
    return this.#keys
  }

  async #deriveKey(secret: string): Promise<CryptoKey> {
    const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
      'deriveKey',
    ])
    return crypto.subtle.deriveKey(
      {
        name: 'HKDF',
        hash: 'SHA-256',
        salt: new Uint8Array(0),
        info: encoder.encode(this.#purpose),
      },
      material,
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    )
  }
}
