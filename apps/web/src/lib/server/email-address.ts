/** RFC 5321 gives a path 256 octets with its angle brackets. */
const maxEmailLength = 254

/** Whether it is worth looking for an account with this address. Only a mail that arrives proves one. */
export function looksLikeEmail(text: string): boolean {
  return text.length <= maxEmailLength && /^[^@\s]+@[^@\s]+$/.test(text)
}
