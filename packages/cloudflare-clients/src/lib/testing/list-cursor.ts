import { decodeText } from '../kv/binding-text.ts'

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
