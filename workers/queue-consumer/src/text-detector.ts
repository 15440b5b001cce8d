/**
 * Decides whether a stream of bytes is plain UTF-8 text: well-formed to its last byte and without control
 * characters other than tab, line feed, form feed and carriage return. It stops looking at the first that is not.
 */
export class TextDetector {
  #decoder: TextDecoder | null = new TextDecoder('utf-8', {
    fatal: true,
    ignoreBOM: false,
  })

  write(chunk: Uint8Array): void {
    if (this.#decoder === null) return
    try {
      this.#decoder.decode(chunk, { stream: true })
    } catch {
      this.#decoder = null
      return
    }
    if (chunk.some(isControl)) this.#decoder = null
  }

  /** Call once, after the last chunk. */
  isText(): boolean {
    if (this.#decoder === null) return false
    try {
      this.#decoder.decode()
      return true
    } catch {
      return false
    }
  }
}

function isControl(byte: number): boolean {
  if (byte === 0x7f) return true
  return byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d
}
