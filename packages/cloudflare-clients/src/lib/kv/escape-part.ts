/** Escapes what would make two lists of parts the same key: the separator, the digest mark and the escape itself. */
export function escapePart(part: string): string {
  // Most parts are plain, and a test is much faster than a replacement.
  if (/^[\w-]*$/.test(part)) return part
  return part.replace(/[%:~]|\p{Cc}|\p{Cs}/gu, (character) => {
    const code = character.charCodeAt(0)
    return code <= 0xff
      ? `%${code.toString(16).toUpperCase().padStart(2, '0')}`
      : `%u${code.toString(16).toUpperCase()}`
  })
}
