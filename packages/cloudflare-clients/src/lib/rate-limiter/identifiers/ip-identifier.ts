import type { IdentifierRefusal, IdentifierResult } from './identifier-result.ts'
import { formatIpv6, parseIpAddress } from './ip-address.ts'

export interface IpIdentifierOptions {
  /**
   * How many leading bits of an IPv6 address stand for a client: 32 to 64. Default 64, the least that a network is given,
   * in which its owner may pick any address. Providers also hand out `/56` and `/48`: rather than a shorter prefix, which
   * puts neighbours together, use a second and wider limit under one.
   */
  readonly ipv6PrefixLength?: number
}

const minPrefixLength = 32
const maxPrefixLength = 64

/** What every Worker that fetches from another zone has for CF-Connecting-IP: `2a06:98c0:3600::103`. */
const workerGroups = [0x2a06, 0x98c0, 0x3600, 0, 0, 0, 0, 0x103]

/**
 * One spelling for the client that a network address stands for, so that a limit cannot be walked around by writing the
 * address another way or by taking the next one of a network: IPv4 as it is, also where it comes mapped into IPv6, and
 * IPv6 as its `/64`, with the prefix length as part of the identifier.
 *
 * Addresses that stand for many clients or for none are refused: counting under one would let one client lock out all
 * others. What to do then is the caller's choice: `requireIdentifier` throws, `sharedIdentifier` gives them one limit
 * together, and the middlewares of this package answer 403. Private and loopback addresses are not refused.
 *
 * An address is personal: where identifiers are stored, hash them with `createIdentifierHasher`.
 *
 * @param address As a header or a socket has it, with or without brackets, port and zone id.
 * @throws {RangeError} When `ipv6PrefixLength` is not a whole number from 32 to 64.
 * @see https://developers.cloudflare.com/fundamentals/reference/http-headers/
 *
 * @example
 * ```ts
 * import { ipIdentifier } from '@codex/cloudflare-clients/rate-limiter'
 *
 * ipIdentifier('::ffff:cb00:7107') // { ok: true, identifier: '203.0.113.7' }
 * ipIdentifier('2001:DB8:1:2::a') // { ok: true, identifier: '2001:db8:1:2::/64' }
 * ipIdentifier('240.16.0.1') // { ok: false, reason: 'pseudo_ipv4' }
 * ```
 */
export function ipIdentifier(
  address: string | null | undefined,
  { ipv6PrefixLength = maxPrefixLength }: IpIdentifierOptions = {},
): IdentifierResult {
  assertPrefixLength(ipv6PrefixLength)
  if (address == null || address.trim() === '') return refuse('missing')
  const parsed = parseIpAddress(address)
  if (parsed === null) return refuse('malformed')
  if (parsed.version === 4) {
    const [first = 0] = parsed.bytes
    if (first === 0) return refuse('unspecified')
    if (first >= 240) return refuse('pseudo_ipv4')
    if (first >= 224) return refuse('multicast')
    return { ok: true, identifier: parsed.bytes.join('.') }
  }
  const { groups } = parsed
  if (groups.every((group) => group === 0)) return refuse('unspecified')
  if (groups.every((group, index) => group === workerGroups[index])) {
    return refuse('cloudflare_worker')
  }
  if ((groups[0] ?? 0) >= 0xff00) return refuse('multicast')
  const network = formatIpv6(maskGroups(groups, ipv6PrefixLength))
  return { ok: true, identifier: `${network}/${ipv6PrefixLength}` }
}

/** @throws {RangeError} When the length is not a whole number from 32 to 64. */
export function assertPrefixLength(length: number): void {
  if (Number.isInteger(length) && length >= minPrefixLength && length <= maxPrefixLength) return
  throw new RangeError(
    `Cannot identify client: ipv6PrefixLength must be a whole number from ${minPrefixLength} to ${maxPrefixLength}, received ${length}`,
  )
}

function refuse(reason: IdentifierRefusal): IdentifierResult {
  return { ok: false, reason }
}

function maskGroups(groups: readonly number[], prefixLength: number): number[] {
  return groups.map((group, index) => {
    const keptBits = Math.min(16, Math.max(0, prefixLength - index * 16))
    return group & (0xffff << (16 - keptBits)) & 0xffff
  })
}
