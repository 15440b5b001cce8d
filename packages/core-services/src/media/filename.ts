const maxFilenameBytes = 180
const fallbackFilename = 'upload'

// Control characters, and the invisible ones that reorder text so that "gpj.exe" reads as "exe.jpg".
const invisibleCharacters = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const reservedCharacters = /[<>:"|?*]/g

/**
 * Turns the name that a browser sent into one that is safe to show, store and offer as a download.
 *
 * Keeps the last path segment without control, direction and reserved characters, and cuts it to 180 bytes of
 * UTF-8 with its extension kept. A name of which nothing is left becomes `upload`.
 */
export function sanitizeFilename(filename: string): string {
  const lastSegment = filename.toWellFormed().split(/[/\\]/).at(-1) ?? ''
  const clean = lastSegment
    .normalize('NFC')
    .replace(invisibleCharacters, '')
    .replace(reservedCharacters, '_')
    .replace(/\s+/g, ' ')
    // A leading dot hides a file, a trailing one is dropped by Windows.
    .replace(/^[. ]+|[. ]+$/g, '')
  if (clean === '') return fallbackFilename

  const dot = clean.lastIndexOf('.')
  const extension = dot > 0 && clean.length - dot <= 16 ? clean.slice(dot) : ''
  const stem = clean.slice(0, clean.length - extension.length)
  return cutToBytes(stem, maxFilenameBytes - byteLength(extension)) + extension
}

/** The value of a Content-Disposition header that offers `filename` as a download (RFC 6266). */
export function attachmentDisposition(filename: string): string {
  const ascii = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength
}

function cutToBytes(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read).trimEnd()
}
