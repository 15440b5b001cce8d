/**
 * The bytes that the runtime makes of a string: UTF-8, with a lone surrogate as three bytes of its own, where
 * `TextEncoder` would write U+FFFD.
 */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder()
  if (text.isWellFormed()) return Uint8Array.from(encoder.encode(text))
  const bytes: number[] = []
  for (const character of text) {
    const code = character.charCodeAt(0)
    if (character.length === 1 && code >= 0xd800 && code <= 0xdfff) {
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
    } else {
      bytes.push(...encoder.encode(character))
    }
  }
  return Uint8Array.from(bytes)
}

/** The text of bytes, with U+FFFD for what is not UTF-8. A byte order mark is kept. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytes)
}

/** A string as another process gets it: lone surrogates do not survive the way. */
export function throughBytes(text: string): string {
  return text.isWellFormed() ? text : decodeText(encodeText(text))
}
