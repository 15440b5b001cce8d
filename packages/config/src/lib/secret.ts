/** What stands where a secret would be printed. */
const mask = '[secret]'

const texts = new WeakMap<Secret, string>()

/**
 * A text that never prints: not as a string, not as JSON, not in `util.inspect`, not as a property. Only `reveal` gives it.
 *
 * @example
 * const token = new Secret('correct horse')
 * String(token) // '[secret]'
 * JSON.stringify({ token }) // '{"token":"[secret]"}'
 * token.reveal() // 'correct horse'
 */
export class Secret {
  constructor(text: string) {
    texts.set(this, text)
    Object.freeze(this)
  }

  /** The text itself, for the call that needs it. */
  reveal(): string {
    return texts.get(this) ?? ''
  }

  /** Whether both hold the same text. */
  equals(other: Secret): boolean {
    return this.reveal() === other.reveal()
  }

  toString(): string {
    return mask
  }

  toJSON(): string {
    return mask
  }

  [Symbol.toPrimitive](): string {
    return mask
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return mask
  }
}
