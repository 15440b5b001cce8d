import { describe, expect, it } from 'vitest'
import { canonicalAddress, clientAddress } from './client-address.ts'

describe('canonicalAddress', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
  ])('writes %j as %j', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical)
  })

  it('gives two addresses of one /64 the same name and those of two /64 different ones', () => {
    const first = canonicalAddress('2001:db8:1:2::a')
    expect(canonicalAddress('2001:db8:1:2:ffff:ffff:ffff:ffff')).toBe(first)
    expect(canonicalAddress('2001:db8:1:3::a')).not.toBe(first)
  })

  it.each([
    '',
    'localhost',
    '203.0.113',
    '203.0.113.256',
    '203.0.113.07',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '1::2::3',
    ':1:2:3:4:5:6:7',
    '12345::',
    '203.0.113.7::1',
    'g::1',
  ])('refuses %j', (text) => {
    expect(canonicalAddress(text)).toBeNull()
  })
})

describe('clientAddress', () => {
  const socketAddress = () => '127.0.0.1'

  it('takes CF-Connecting-IP first', () => {
    const headers = new Headers({ 'cf-connecting-ip': '2001:db8:1:2::a' })
    expect(clientAddress(headers, { socketAddress })).toBe('2001:db8:1:2::/64')
  })

  it('falls back to the socket when the header is absent or not an address', () => {
    expect(clientAddress(new Headers(), { socketAddress })).toBe('127.0.0.1')
    const headers = new Headers({ 'cf-connecting-ip': 'nonsense' })
    expect(clientAddress(headers, { socketAddress })).toBe('127.0.0.1')
  })

  it('never reads a header that a client can set', () => {
    const headers = new Headers({ 'x-forwarded-for': '198.51.100.1' })
    expect(clientAddress(headers, { socketAddress })).toBe('127.0.0.1')
  })

  it('is unknown when nothing tells', () => {
    const fails = () => {
      throw new Error('no address')
    }
    expect(clientAddress(new Headers(), { socketAddress: fails })).toBe('unknown')
    expect(clientAddress(new Headers(), { socketAddress: () => null })).toBe('unknown')
    expect(clientAddress(new Headers(), { socketAddress: () => '' })).toBe('unknown')
  })
})
