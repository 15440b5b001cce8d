import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { IdentifierRefusal } from './identifier-result.ts'
import { ipIdentifier } from './ip-identifier.ts'

describe('an address and the client it stands for', () => {
  test.for<[address: string, identifier: string]>([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7\n', '203.0.113.7'],
    ['203.0.113.7:443', '203.0.113.7'],
    ['1.0.0.0', '1.0.0.0'],
    ['223.255.255.255', '223.255.255.255'],
    ['127.0.0.1', '127.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    // Both notations of IPv4 in IPv6, wherever the `::` is, in either case.
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:ffff:cb00:7107', '203.0.113.7'],
    ['0:0::ffff:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:8080', '203.0.113.7'],
    ['::ffff:cb00:7107%eth0', '203.0.113.7'],
    // Not mapped, though they look like it.
    ['::ffff:0:203.0.113.7', '::/64'],
    ['::fffe:203.0.113.7', '::/64'],
    ['::203.0.113.7', '::/64'],
    ['64:ff9b::203.0.113.7', '64:ff9b::/64'],
    ['2001:db8::ffff:cb00:7107', '2001:db8::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:FFFF::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8:0:5::1', '2001:db8:0:5::/64'],
    ['2001:0:0:5:6::', '2001:0:0:5::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
    ['[2001:db8:1:2::a]', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::a]:65535', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['[fe80::1%25eth0]:80', 'fe80::/64'],
    ['fe80::1%a%b', 'fe80::/64'],
    ['::1', '::/64'],
  ])('writes %j as %j', ([address, identifier]) => {
    expect(ipIdentifier(address)).toEqual({ ok: true, identifier })
  })

  test.for<[address: string | null | undefined, reason: IdentifierRefusal]>([
    [undefined, 'missing'],
    [null, 'missing'],
    ['', 'missing'],
    [' \t', 'missing'],
    ['0.0.0.0', 'unspecified'],
    ['0.255.255.255', 'unspecified'],
    ['::', 'unspecified'],
    ['0:0:0:0:0:0:0:0', 'unspecified'],
    ['[::]:443', 'unspecified'],
    ['::ffff:0.0.0.0', 'unspecified'],
    ['224.0.0.0', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['ff02::1', 'multicast'],
    ['240.0.0.0', 'pseudo_ipv4'],
    ['255.255.255.255', 'pseudo_ipv4'],
    ['::ffff:240.16.0.1', 'pseudo_ipv4'],
    ['::ffff:f010:1', 'pseudo_ipv4'],
    ['2a06:98c0:3600::103', 'cloudflare_worker'],
    ['2A06:98C0:3600:0:0:0:0:0103', 'cloudflare_worker'],
    ['[2a06:98c0:3600::0.0.1.3]:443', 'cloudflare_worker'],
  ])('refuses %j as %s', ([address, reason]) => {
    expect(ipIdentifier(address)).toEqual({ ok: false, reason })
  })

  test('takes a neighbour of the address of Workers for a client', () => {
    expect(ipIdentifier('2a06:98c0:3600::104').ok).toBe(true)
    expect(ipIdentifier('2a06:98c0:3600:1::103').ok).toBe(true)
  })

  test.for([
    'localhost',
    'unknown',
    '203.0.113',
    '203.0.113.7.1',
    '203.0.113.256',
    '203.0.113.07',
    '0x7f.0.0.1',
    '2130706433',
    '٢٠٣.0.113.7',
    '203.0.113.7:',
    '203.0.113.7:65536',
    '203.0.113.7:http',
    '203.0.113.7/24',
    '203.0.113.7%eth0',
    '203.0.113.7, 198.51.100.1',
    '[203.0.113.7]',
    '[2001:db8::1',
    '2001:db8::1]',
    '[2001:db8::1]443',
    '[2001:db8::1]:',
    '[]',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '1:2:3:4:5:6:7:8:443',
    '1::2::3',
    ':::',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '12345::',
    '203.0.113.7::1',
    '::ffff:203.0.113.07',
    '::203.0.113.7:1',
    'g::1',
    'fe80::1%',
    '2001:db8::*',
    '2001:db8::1/64',
    '*',
    '203.0.113.*',
    "'; DROP TABLE limits; --",
    '2001:db8::1\u0000',
    'shared:missing',
    '\ud800',
    ':'.repeat(100_000),
  ])('refuses %j as malformed', (address) => {
    expect(ipIdentifier(address)).toEqual({ ok: false, reason: 'malformed' })
  })

  test('gives every spelling of an address the same identifier', () => {
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(groups, (numbers) => {
        const plain = numbers.map((group) => group.toString(16)).join(':')
        const padded = numbers.map((group) => group.toString(16).padStart(4, '0')).join(':')
        const [high = 0, low = 0] = numbers.slice(6)
        const dotted = [high >> 8, high & 255, low >> 8, low & 255].join('.')
        const mixed = `${plain.split(':').slice(0, 6).join(':')}:${dotted}`
        const expected = ipIdentifier(plain)
        for (const spelling of [
          padded,
          padded.toUpperCase(),
          mixed,
          `[${plain}]:1`,
          `${plain}%1`,
        ]) {
          expect(ipIdentifier(spelling)).toEqual(expected)
        }
      }),
      { seed: 11 },
    )
  })

  test('keeps all IPv4 clients apart in the mapped notation, whatever the prefix length', () => {
    const identifiers = ['::ffff:203.0.113.7', '::ffff:cb00:7108', '::ffff:c633:6401'].map((text) =>
      ipIdentifier(text, { ipv6PrefixLength: 32 }),
    )
    expect(identifiers).toEqual([
      { ok: true, identifier: '203.0.113.7' },
      { ok: true, identifier: '203.0.113.8' },
      { ok: true, identifier: '198.51.100.1' },
    ])
  })
})

describe('the prefix length', () => {
  test.for<[length: number, identifier: string]>([
    [32, '2001:db8::/32'],
    [33, '2001:db8:8000::/33'],
    [48, '2001:db8:ffff::/48'],
    [56, '2001:db8:ffff:ff00::/56'],
    [63, '2001:db8:ffff:fffe::/63'],
    [64, '2001:db8:ffff:ffff::/64'],
  ])('of %i cuts the address to %s', ([ipv6PrefixLength, identifier]) => {
    const result = ipIdentifier('2001:db8:ffff:ffff:ffff::1', { ipv6PrefixLength })
    expect(result).toEqual({ ok: true, identifier })
  })

  test('tells two networks apart that begin alike', () => {
    const wide = ipIdentifier('2001:db8::1', { ipv6PrefixLength: 48 })
    expect(wide).not.toEqual(ipIdentifier('2001:db8::1', { ipv6PrefixLength: 64 }))
  })

  test.for([0, 31, 65, 128, 56.5, Number.NaN])('of %d is refused', (ipv6PrefixLength) => {
    expect(() => ipIdentifier('203.0.113.7', { ipv6PrefixLength })).toThrow(
      new RangeError(
        `Cannot identify client: ipv6PrefixLength must be a whole number from 32 to 64, received ${ipv6PrefixLength}`,
      ),
    )
  })
})
