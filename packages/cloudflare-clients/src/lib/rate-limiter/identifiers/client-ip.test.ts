import { expect, test } from 'vitest'
import { clientIp, type ClientIpOptions } from './client-ip.ts'
import { IdentifierRefusedError, requireIdentifier, sharedIdentifier } from './identifier-result.ts'

interface Case {
  readonly name: string
  readonly headers: Record<string, string>
  readonly options?: ClientIpOptions
  /** The identifier, or `refused:` and the reason. */
  readonly client: string
}

const socketAddress = () => '127.0.0.1'

test.for<Case>([
  {
    name: 'takes the address that Cloudflare names',
    headers: { 'CF-Connecting-IP': '2001:db8:1:2::a' },
    client: '2001:db8:1:2::/64',
  },
  {
    name: 'takes the prefix length it is given',
    headers: { 'CF-Connecting-IP': '2001:db8:1:2::a' },
    options: { ipv6PrefixLength: 48 },
    client: '2001:db8:1::/48',
  },
  {
    name: 'never reads what a client can write',
    headers: {
      'X-Forwarded-For': '198.51.100.1',
      'X-Real-IP': '198.51.100.1',
      'True-Client-IP': '198.51.100.1',
      Forwarded: 'for=198.51.100.1',
      'CF-Connecting-IPv6': '2001:db8::1',
    },
    client: 'refused:missing',
  },
  {
    name: 'does not let CF-Connecting-IPv6 replace an ordinary address',
    headers: { 'CF-Connecting-IP': '203.0.113.7', 'CF-Connecting-IPv6': '2001:db8::1' },
    client: '203.0.113.7',
  },
  {
    name: 'takes the address that Pseudo IPv4 has moved',
    headers: { 'CF-Connecting-IP': '240.16.0.1', 'CF-Connecting-IPv6': '2001:db8:1:2::a' },
    client: '2001:db8:1:2::/64',
  },
  {
    name: 'refuses a Pseudo IPv4 address whose original is missing',
    headers: { 'CF-Connecting-IP': '240.16.0.1' },
    client: 'refused:pseudo_ipv4',
  },
  {
    name: 'refuses a Pseudo IPv4 address whose original is none',
    headers: { 'CF-Connecting-IP': '240.16.0.1', 'CF-Connecting-IPv6': 'nonsense' },
    client: 'refused:malformed',
  },
  {
    name: 'refuses the address of all Workers of other zones',
    headers: { 'CF-Connecting-IP': '2a06:98c0:3600::103' },
    client: 'refused:cloudflare_worker',
  },
  {
    name: 'does not let CF-Connecting-IPv6 stand in for the address of all Workers',
    headers: { 'CF-Connecting-IP': '2a06:98c0:3600::103', 'CF-Connecting-IPv6': '2001:db8::1' },
    client: 'refused:cloudflare_worker',
  },
  {
    name: 'does not let CF-Connecting-IPv6 stand in for nonsense',
    headers: { 'CF-Connecting-IP': 'nonsense', 'CF-Connecting-IPv6': '2001:db8::1' },
    client: 'refused:malformed',
  },
  {
    name: 'refuses what a Worker sends, whatever address it names',
    headers: { 'CF-Connecting-IP': '203.0.113.7', 'CF-Worker': 'example.com' },
    client: 'refused:cloudflare_worker',
  },
  {
    name: 'takes the address from a Worker of a trusted zone',
    headers: { 'CF-Connecting-IP': '203.0.113.7', 'CF-Worker': 'Example.com' },
    options: { trustedWorkerZones: ['example.COM'] },
    client: '203.0.113.7',
  },
  {
    name: 'does not trust a zone that ends like a trusted one',
    headers: { 'CF-Connecting-IP': '203.0.113.7', 'CF-Worker': 'notexample.com' },
    options: { trustedWorkerZones: ['example.com'] },
    client: 'refused:cloudflare_worker',
  },
  {
    name: 'refuses the address of all Workers from a trusted zone too',
    headers: { 'CF-Connecting-IP': '2a06:98c0:3600::103', 'CF-Worker': 'example.com' },
    options: { trustedWorkerZones: ['example.com'] },
    client: 'refused:cloudflare_worker',
  },
  {
    name: 'asks the socket where there is no header',
    headers: {},
    options: { socketAddress },
    client: '127.0.0.1',
  },
  {
    name: 'does not ask the socket where the header is nonsense',
    headers: { 'CF-Connecting-IP': '203.0.113.7, 198.51.100.1' },
    options: { socketAddress },
    client: 'refused:malformed',
  },
  {
    name: 'does not ask the socket where the header is empty',
    headers: { 'CF-Connecting-IP': '' },
    options: { socketAddress },
    client: 'refused:missing',
  },
  {
    name: 'refuses where the socket does not know',
    headers: {},
    options: { socketAddress: () => null },
    client: 'refused:missing',
  },
  {
    name: 'refuses where the socket throws',
    headers: {},
    options: {
      socketAddress: () => {
        throw new Error('no address')
      },
    },
    client: 'refused:missing',
  },
])('$name', ({ headers, options, client }) => {
  const result = clientIp(new Request('https://example.com', { headers }), options)
  expect(result.ok ? result.identifier : `refused:${result.reason}`).toBe(client)
})

test('says that a prefix length is wrong also where no address comes', () => {
  expect(() => clientIp({ headers: new Headers() }, { ipv6PrefixLength: 128 })).toThrow(RangeError)
  const fromWorker = { headers: new Headers({ 'CF-Worker': 'example.com' }) }
  expect(() => clientIp(fromWorker, { ipv6PrefixLength: 128 })).toThrow(RangeError)
})

test('a refusal becomes an error without the address where one is wanted', () => {
  const refused = clientIp({ headers: new Headers({ 'CF-Connecting-IP': '240.16.0.1' }) })
  expect(() => requireIdentifier(refused)).toThrow(new IdentifierRefusedError('pseudo_ipv4'))
  expect(new IdentifierRefusedError('pseudo_ipv4')).toMatchObject({
    name: 'IdentifierRefusedError',
    reason: 'pseudo_ipv4',
    message: 'Cannot identify client: its address must stand for one client, received pseudo_ipv4',
  })
  expect(requireIdentifier({ ok: true, identifier: '203.0.113.7' })).toBe('203.0.113.7')
})

test('a refusal becomes one limit for all where that is wanted, apart from every address', () => {
  expect(sharedIdentifier({ ok: false, reason: 'missing' })).toBe('shared:missing')
  expect(sharedIdentifier({ ok: true, identifier: '203.0.113.7' })).toBe('203.0.113.7')
})
