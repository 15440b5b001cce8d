import { describe, expect, it } from 'vitest'
import { kindOfIdentifier, LimitIdentifiers } from './limit-identifiers.ts'

const identifiers = new LimitIdentifiers('a secret of this test')

describe('LimitIdentifiers', () => {
  it('gives every spelling of one mail address one identifier that holds none of it', async () => {
    const identifier = await identifiers.of({ email: 'mara@example.com' })
    expect(identifier).toMatch(/^account:[\w-]{22}$/)
    expect(await identifiers.of({ email: '  Mara@Example.COM ' })).toBe(identifier)
    expect(await identifiers.of({ email: 'mara2@example.com' })).not.toBe(identifier)
  })

  it('gives the same text another identifier as another kind, and under another secret', async () => {
    const email = await identifiers.of({ email: 'same' })
    const userId = await identifiers.of({ userId: 'same' })
    const elsewhere = await new LimitIdentifiers('another secret').of({ email: 'same' })
    const hashes = [email, userId, elsewhere].map((identifier) => identifier.split(':')[1])
    expect(new Set(hashes).size).toBe(3)
  })

  it('finds the network of an address that somebody typed', async () => {
    const network = await identifiers.of({ address: '2001:db8:1:2::/64' })
    expect(network).toMatch(/^address:[\w-]{22}$/)
    expect(await identifiers.ofTypedAddress(' 2001:DB8:1:2::a ')).toBe(network)
    expect(await identifiers.ofTypedAddress('2001:db8:1:3::a')).not.toBe(network)
    expect(await identifiers.ofTypedAddress('240.0.0.1')).toBeNull()
    expect(await identifiers.ofTypedAddress('user-1')).toBeNull()
  })
})

describe('kindOfIdentifier', () => {
  it('knows an identifier from anything that somebody types', async () => {
    expect(kindOfIdentifier(await identifiers.of({ userId: 'a' }))).toBe('user')
    expect(kindOfIdentifier(await identifiers.of({ email: 'a' }))).toBe('account')
    expect(kindOfIdentifier(await identifiers.of({ address: 'a' }))).toBe('address')
    expect(kindOfIdentifier('user:1')).toBeNull()
    expect(kindOfIdentifier(`other:${'a'.repeat(22)}`)).toBeNull()
    expect(kindOfIdentifier(`user:${'a'.repeat(22)}\n`)).toBeNull()
  })
})
