/** The greatest Integer that a structured field can carry (RFC 9651, section 3.3.1). */
const maxInteger = 999_999_999_999_999

/** @returns The number rounded up to a whole one of at least 0, and cut to what a structured field can carry. */
export function toFieldInteger(value: number): number {
  return Math.min(maxInteger, Math.max(0, Math.ceil(value)))
}

/**
 * @returns The text in printable ASCII, which is all that a String of a structured field can carry: the UTF-8 bytes of
 * everything else are percent-encoded.
 */
export function toPrintableAscii(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\x20-\x7e]+/gu, (characters) => encodeURIComponent(characters))
}

/** @returns The printable ASCII text as a String of a structured field (RFC 9651, section 4.1.6). */
export function toFieldString(text: string): string {
  return `"${text.replace(/["\\]/g, (character) => `\\${character}`)}"`
}
