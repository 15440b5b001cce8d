import type { Secret } from '../secret.ts'

/** As long a piece of a secret as may be seen: from here on, a text that has it in it is not told. */
const pieceLength = 8

/**
 * Makes a test of whether a text has a secret in it, or a piece of one of eight characters: as it is, in other case, as JSON, percent-encoded,
 * in base64 or in hexadecimal. Base64 of a secret within a longer text looks different, and is not found.
 */
export function createSecretFinder(secrets: Iterable<Secret>): (text: string) => boolean {
  const pieces = new Set<string>()
  const shorts = new Set<string>()
  for (const secret of secrets) {
    for (const form of formsOf(secret.reveal())) {
      if (form.length < pieceLength) shorts.add(form)
      for (let at = 0; at + pieceLength <= form.length; at++) {
        pieces.add(form.slice(at, at + pieceLength))
      }
    }
  }
  shorts.delete('')
  return (text) => {
    const lower = text.toLowerCase()
    for (let at = 0; at + pieceLength <= lower.length; at++) {
      if (pieces.has(lower.slice(at, at + pieceLength))) return true
    }
    return [...shorts].some((short) => lower.includes(short))
  }
}

function formsOf(text: string): readonly string[] {
  const bytes = new TextEncoder().encode(text)
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  const percent = encodeURIComponent(text.toWellFormed())
  const forms = [
    text,
    JSON.stringify(text).slice(1, -1),
    percent,
    encodeURI(text.toWellFormed()),
    percent.replaceAll('%20', '+'),
    base64.replace(/=+$/, ''),
    base64.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'),
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  ]
  return forms.map((form) => form.toLowerCase())
}
