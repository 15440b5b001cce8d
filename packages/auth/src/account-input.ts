export const passwordLength = { min: 10, max: 128 } as const
export const nameLength = { min: 1, max: 80 } as const

/** @see https://www.rfc-editor.org/errata/eid1690 for 254 */
const maxEmailLength = 254

/** The one form in which an address is stored, compared and mailed. */
export function canonicalEmail(email: string): string {
  return email.trim().toLowerCase()
}

export const invalidEmailMessage = 'Enter an e-mail address such as name@example.com'

/** What is wrong with a canonical address, in words for the person who typed it; `null` if nothing. */
export function checkEmail(email: string): string | null {
  const looksRight =
    email.length <= maxEmailLength && /^[^\s@"<>]+@[^\s@"<>.]+(\.[^\s@"<>.]+)+$/.test(email)
  return looksRight ? null : invalidEmailMessage
}

export function checkName(name: string): string | null {
  if (name.length < nameLength.min) return 'Enter your name'
  if (name.length > nameLength.max) return `Use at most ${nameLength.max} characters`
  return /\p{Cc}/u.test(name) ? 'Use letters, digits, spaces and punctuation only' : null
}

export function checkPassword(password: string): string | null {
  if (password.length < passwordLength.min) return `Use at least ${passwordLength.min} characters`
  if (password.length > passwordLength.max) return `Use at most ${passwordLength.max} characters`
  return null
}
