/** What the admin page says of one limit of whoever it shows, as text without tags. `''` where it shows none. */
export function limitOnPage(html: string, policy: string): string {
  const item = new RegExp(`<li data-policy="${policy}"[^]*?</details>`).exec(html)?.[0] ?? ''
  return item
    .replaceAll(/<!--.*?-->/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
}
