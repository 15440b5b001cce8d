/** An identifier of a limit, short enough to read and long enough to tell from others. Any other text stays as it is. */
export function shortenIdentifier(identifier: string): string {
  return identifier.replace(/^(account|address|user)(:[\w-]{6})[\w-]{16}$/, '$1$2…')
}
