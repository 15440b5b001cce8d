/** An IP address as its numbers. An IPv4 address that was mapped into IPv6 is an IPv4 address. */
export type IpAddress =
  | { readonly version: 4; readonly bytes: readonly number[] }
  | { readonly version: 6; readonly groups: readonly number[] }

/**
 * Reads an address in any of its spellings: upper or lower case, `::` anywhere, the last 32 bits as dotted IPv4, with a
 * zone id, in brackets, with a port.
 *
 * Whether an address is IPv4-mapped (`::ffff:0:0/96`) is decided by its bits: `::ffff:203.0.113.7` and `::ffff:cb00:7107`
 * are one address. Deciding by how it is written made one client of all IPv4 clients elsewhere (CVE-2026-30827).
 *
 * @returns `null` where the text is no address, such as `203.0.113.07`, which some read as octal.
 */
export function parseIpAddress(text: string): IpAddress | null {
  const host = withoutPort(text.trim())
  if (host === null) return null
  const bytes = host.isBracketed ? null : parseIpv4(host.text)
  if (bytes) return { version: 4, bytes }
  const address = withoutZone(host.text)
  const groups = address === null ? null : parseIpv6(address)
  if (!groups) return null
  const [high = 0, low = 0] = groups.slice(6)
  return isMappedIpv4(groups)
    ? { version: 4, bytes: [high >> 8, high & 255, low >> 8, low & 255] }
    : { version: 6, groups }
}

/** @returns The groups as RFC 5952 writes them: lower case, the longest run of zeros as `::`. */
export function formatIpv6(groups: readonly number[]): string {
  const run = longestZeroRun(groups)
  const write = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(':')
  if (run.length < 2) return write(groups)
  return `${write(groups.slice(0, run.start))}::${write(groups.slice(run.start + run.length))}`
}

function withoutPort(
  text: string,
): { readonly text: string; readonly isBracketed: boolean } | null {
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    const rest = text.slice(end + 1)
    if (end === -1 || !(rest === '' || (rest.startsWith(':') && isPort(rest.slice(1))))) return null
    return { text: text.slice(1, end), isBracketed: true }
  }
  const [host = '', port, ...more] = text.split(':')
  // Without brackets a port can only follow IPv4: two colons or more are IPv6.
  if (port === undefined || more.length > 0) return { text, isBracketed: false }
  return isPort(port) ? { text: host, isBracketed: false } : null
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535
}

function withoutZone(text: string): string | null {
  const mark = text.indexOf('%')
  if (mark === -1) return text
  return mark === text.length - 1 ? null : text.slice(0, mark)
}

function isMappedIpv4(groups: readonly number[]): boolean {
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
}

function parseIpv4(text: string): number[] | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return null
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : null
}

function parseIpv6(text: string): number[] | null {
  if (!text.includes(':')) return null
  const halves = text.split('::')
  if (halves.length > 2) return null
  // An IPv4 address may only be written at the very end, so not in front of a `::`.
  if (halves.length === 2 && halves[0]?.includes('.')) return null
  const [head, tail] = halves.map(parseGroups)
  if (!head || (halves.length === 2 && !tail)) return null
  if (!tail) return head.length === 8 ? head : null
  const missing = 8 - head.length - tail.length
  if (missing < 1) return null
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail]
}

/** The 16-bit groups of one side of `::`. The last two may be written as an IPv4 address. */
function parseGroups(side: string): number[] | null {
  if (side === '') return []
  const groups: number[] = []
  const parts = side.split(':')
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16))
      continue
    }
    const bytes = index === parts.length - 1 ? parseIpv4(part) : null
    if (!bytes) return null
    const [a = 0, b = 0, c = 0, d = 0] = bytes
    groups.push((a << 8) | b, (c << 8) | d)
  }
  return groups
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  let length = 0
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0
    if (length > longest.length) longest = { start: index - length + 1, length }
  }
  return longest
}
