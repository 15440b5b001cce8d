import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { expect, test } from 'vitest'
import { parseAddress, parseNetwork } from './ip-network.ts'

const mapped = fc.ipV4().map((address) => `::ffff:${address}`)
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  mapped,
  // Near to each other, so that networks hold some of them.
  fc.nat({ max: 7 }).map((last) => `10.0.0.${last}`),
  fc.nat({ max: 7 }).map((last) => `2001:db8::${last}`),
)

/** The library takes `::1.2.3.4` for `::ffff:1.2.3.4`, which RFC 4291 keeps apart, and zeros in front of a decimal in an IPv6 address. */
function isOddInLibrary(text: string): boolean {
  return /^::[\d.]+$/.test(text) || /[:.]0\d+\.|\.0\d+$/.test(text)
}

function isStrictlyValid(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}

test('holds the addresses that ipaddr.js finds in a network', () => {
  let held = 0
  fc.assert(
    fc.property(address, address, fc.nat({ max: 128 }), (candidate, base, bits) => {
      fc.pre(!isOddInLibrary(candidate) && !isOddInLibrary(base))
      // The library keeps apart what is mapped, where it is not told to process it.
      const isV4 = !base.includes(':')
      const prefixBits = isV4 ? bits % 33 : bits
      const holds = parseNetwork(`${base}/${prefixBits}`)
      const parsed = parseAddress(candidate)
      if (holds === undefined || parsed === undefined) throw new Error('Cannot parse')
      const [one, network] = [ipaddr.process(candidate), ipaddr.process(base)]
      const isMappedBase = !isV4 && network.kind() === 'ipv4'
      const networkBits = isMappedBase ? prefixBits - 96 : prefixBits
      if (networkBits < 0) return
      const expected = one.kind() === network.kind() && one.match(network, networkBits)
      held += Number(expected)
      expect(holds(parsed)).toBe(expected)
    }),
    { seed: 6, numRuns: 5000 },
  )
  expect(held).toBeGreaterThan(200)
})

test('takes for an address what ipaddr.js does', () => {
  const broken = fc
    .tuple(
      address,
      fc.nat({ max: 20 }),
      fc.constantFrom(':', '::', '.', '0', 'g', '1', ' ', '%1', ']', '/'),
    )
    .map(([text, at, part]) => text.slice(0, at) + part + text.slice(at))
  fc.assert(
    fc.property(fc.oneof(address, broken), (text) => {
      fc.pre(!isOddInLibrary(text))
      // A zone names a link of one machine, and is no part of an address here.
      const expected = isStrictlyValid(text) && !text.includes('%')
      expect(parseAddress(text) !== undefined).toBe(expected)
    }),
    { seed: 6, numRuns: 5000 },
  )
})

test.for([
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.0.0.0/8', '::ffff:10.0.0.1', true],
  ['::ffff:10.0.0.0/104', '10.1.2.3', true],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '2001:db8::1', true],
  ['::/0', '10.0.0.1', false],
  ['2001:db8::/32', '2001:DB8:ffff::1', true],
  ['2001:db8::/32', '2001:db9::', false],
  ['192.0.2.7/32', '192.0.2.7', true],
  ['192.0.2.7/31', '192.0.2.6', true],
] as const)('%s holds %s: %j', ([network, candidate, isHeld]) => {
  expect(parseNetwork(network)?.(parseAddress(candidate) ?? '')).toBe(isHeld)
})

test.for([
  '10.0.0.0',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0/8',
  '2001:db8::/129',
  '::/0x1',
  '',
  1,
  null,
])('does not take %j for a network', (value) => {
  expect(parseNetwork(value)).toBeUndefined()
})

test.for([
  1,
  null,
  undefined,
  [],
  '1.2.3',
  '01.2.3.4',
  '1.2.3.4.5',
  '0x7f.1',
  '256.0.0.1',
  '1::2::3',
  '::g',
  '1:2:3:4:5:6:7',
])('does not take %j for an address', (value) => {
  expect(parseAddress(value)).toBeUndefined()
})
