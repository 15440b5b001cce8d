/** An address as 128 bits in text, so that a network is a prefix. */
export type IpAddress = string

const addressBits = 128
const mappedPrefixBits = 96
const mappedV4 = '::ffff:'
const characters = /^[\da-f:.]{2,45}$/i

/**
 * Reads an IPv4 or IPv6 address in its usual notation. An IPv4 address and the one that it is mapped to in IPv6, `::ffff:a.b.c.d`, are the
 * same.
 *
 * @returns `undefined`: it is none.
 */
export function parseAddress(value: unknown): IpAddress | undefined {
  if (typeof value !== 'string' || !characters.test(value)) return undefined
  const url = `http://[${value.includes(':') ? value : mappedV4 + value}]`
  // It reads addresses strictly where they are in brackets, and writes them in one way only.
  if (!URL.canParse(url)) return undefined
  const [before = [], after = []] = new URL(url).hostname
    .slice(1, -1)
    .split('::')
    .map((parts) => parts.split(':').map(toBits))
  const [left, right] = [before.join(''), after.join('')]
  return left + right.padStart(addressBits - left.length, '0')
}

function toBits(part: string): string {
  return part && Number.parseInt(part, 16).toString(2).padStart(16, '0')
}

/**
 * Reads a network such as `10.0.0.0/8` or `2001:db8::/32`. Only one of mapped addresses among those of IPv6 holds an IPv4 address.
 *
 * @returns Whether an address is in it. `undefined`: it is none.
 */
export function parseNetwork(value: unknown): ((address: IpAddress) => boolean) | undefined {
  const [, base = '', bits = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(String(value)) ?? []
  const address = parseAddress(base)
  const prefixBits = Number(bits) + (base.includes(':') ? 0 : mappedPrefixBits)
  if (address === undefined || prefixBits > addressBits) return undefined
  const prefix = address.slice(0, prefixBits)
  const mapped = '1'.repeat(16).padStart(mappedPrefixBits, '0')
  return (candidate) =>
    candidate.startsWith(prefix) &&
    (prefixBits >= mappedPrefixBits || !candidate.startsWith(mapped))
}
