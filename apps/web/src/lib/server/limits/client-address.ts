/**
 * One spelling for the client a network address stands for, so that a limit cannot be walked around by writing it
 * another way: an IPv4 address as it is (also when it comes mapped into IPv6), an IPv6 address as its /64, because
 * a household or a server is given a whole /64 and may pick any address in it.
 *
 * @returns `null` when the text is not an address
 */
export function canonicalAddress(text: string): string | null {
  const address = text.trim().replace(/%[^%]*$/, '')
  const ipv4 = parseIpv4(address)
  if (ipv4) return ipv4.join('.')
  const groups = parseIpv6(address)
  if (!groups) return null
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6)
    return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/**
 * The canonical address of the client of a request. Cloudflare sets CF-Connecting-IP itself and drops what a client
 * sent under that name, so it can be trusted there; `socketAddress` is for local development without it.
 *
 * @returns `'unknown'` when there is no address at all: such clients share one limit
 */
export function clientAddress(
  headers: Headers,
  { socketAddress }: { socketAddress: () => string | null },
): string {
  const connecting = headers.get('cf-connecting-ip')
  const known = connecting && canonicalAddress(connecting)
  if (known) return known
  try {
    const address = socketAddress()
    return canonicalAddress(address ?? '') ?? 'unknown'
  } catch {
    // SvelteKit throws where the adapter cannot tell, and not knowing is an answer here.
    return 'unknown'
  }
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
