import { describe, expect, it } from 'vitest'
import { accountIdentifier, identifierFor } from './account-identifier.ts'

describe('accountIdentifier', () => {
  it('is the same for every spelling of one address and holds none of it', async () => {
    const identifier = await accountIdentifier('mara@example.com')
    expect(identifier).toMatch(/^[0-9a-f]{64}$/)
    expect(await accountIdentifier('  Mara@Example.COM ')).toBe(identifier)
    expect(await accountIdentifier('mara2@example.com')).not.toBe(identifier)
  })
})

describe('identifierFor', () => {
  it('recognises an e-mail address, a network address and a user id', async () => {
    expect(await identifierFor(' Mara@example.com ')).toBe(
      await accountIdentifier('mara@example.com'),
    )
    expect(await identifierFor('2001:db8::1')).toBe('2001:db8:0:0::/64')
    expect(await identifierFor('user-1 ')).toBe('user-1')
  })
})
