import { decodeText, encodeText } from './binding-text.ts'

/** A value in the store. It holds bytes; a text is kept as it came until somebody wants the bytes. */
export class StoredValue {
  #bytes: Uint8Array<ArrayBuffer> | undefined
  #text: string | undefined

  private constructor(bytes: Uint8Array<ArrayBuffer> | undefined, text: string | undefined) {
    this.#bytes = bytes
    this.#text = text
  }

  static fromText(text: string): StoredValue {
    return text.isWellFormed()
      ? new StoredValue(undefined, text)
      : new StoredValue(encodeText(text), undefined)
  }

  /** @param bytes Not written to by anybody afterwards. */
  static fromBytes(bytes: Uint8Array<ArrayBuffer>): StoredValue {
    return new StoredValue(bytes, undefined)
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return (this.#bytes ??= encodeText(this.#text ?? ''))
  }

  get text(): string {
    return (this.#text ??= decodeText(this.bytes))
  }

  /** An upper bound of its bytes that costs nothing: a UTF-16 code unit is at most three bytes. */
  get sizeAtMost(): number {
    return this.#bytes?.byteLength ?? (this.#text?.length ?? 0) * 3
  }
}
