import { expect, test } from 'vitest'
import { toIpPrefix } from './ip-prefix.ts'

test.for([
  ['203.0.113.77', '203.0.113.0/24'],
  [' 203.0.113.77 ', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['::ffff:cb00:714d', '203.0.113.0/24'],
  ['2001:db8:1:2::3', '2001:db8:1::/48'],
  ['2001:DB8:0001:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:db8::1', '2001:db8:0::/48'],
  ['::1', '0:0:0::/48'],
  ['1::', '1:0:0::/48'],
  ['::2:3:4:5:6:7', '0:0:2::/48'],
] as const)('the network of %s is %s', ([ip, prefix]) => {
  expect(toIpPrefix(ip)).toBe(prefix)
})

test.for(['', 'unknown', '1.2.3', '999.1.1.1', '1:2', 'a::b::c', '1.2.3.4:80', '::1]/x#['])(
  '%s is no address',
  (text) => {
    expect(toIpPrefix(text)).toBeUndefined()
  },
)
