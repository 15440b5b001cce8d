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

/** Compares as the UTF-8 bytes of two strings do, which is how KV sorts keys. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const difference = byteOrder(a.charCodeAt(at)) - byteOrder(b.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** UTF-16 puts surrogates, which stand for the highest code points, before U+E000 to U+FFFF. */
function byteOrder(codeUnit: number): number {
  if (codeUnit < 0xd800) return codeUnit
  return codeUnit < 0xe000 ? codeUnit + 0x2000 : codeUnit - 0x800
}

export function encodeCursor(key: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(key)))
}

/** Takes anything, as local KV does: what is not base64 is left out. */
export function decodeCursor(cursor: string): string {
  const symbols = cursor.replace(/[^A-Za-z0-9+/]/g, '')
  // One symbol left over holds six bits, which are no byte.
  const usable = symbols.length % 4 === 1 ? symbols.slice(0, -1) : symbols
  return decodeText(Uint8Array.from(atob(usable), (character) => character.charCodeAt(0)))
}
