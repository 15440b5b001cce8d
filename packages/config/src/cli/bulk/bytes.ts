const encoder = new TextEncoder()

export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

export function utf8Length(text: string): number {
  return encoder.encode(text).byteLength
}

/** In the order in which KV lists keys. */
export function compareUtf8(a: string, b: string): number {
  const [bytes, others] = [toUtf8(a), toUtf8(b)]
  const at = bytes.findIndex((byte, index) => byte !== others[index])
  if (at === -1) return bytes.byteLength - others.byteLength
  return (bytes[at] ?? 0) - (others[at] ?? -1)
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // No more than a call takes as arguments.
  for (let at = 0; at < bytes.byteLength; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  }
  return btoa(binary)
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
