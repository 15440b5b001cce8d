/** The spelling under which an e-mail address is one account. */
export function canonicalEmail(email: string): string {
  return email.trim().toLowerCase()
}
