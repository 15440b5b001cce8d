import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256, sha256Base64Url } from './sha256.ts'

test('gives the digest that Web Crypto gives, for any bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (message) => {
      const expected = await crypto.subtle.digest('SHA-256', message)
      expect(sha256(message)).toEqual(new Uint8Array(expected))
    }),
    { seed: 1, numRuns: 300 },
  )
})

test.for([0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 65_536])(
  'pads a message of %i bytes as the standard says',
  async (length) => {
    const message = new Uint8Array(length).fill(0xa5)
    expect(sha256(message)).toEqual(new Uint8Array(await crypto.subtle.digest('SHA-256', message)))
  },
)

test('writes the digest of a text as unpadded base64url', () => {
  expect(sha256Base64Url('')).toBe('47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU')
  expect(sha256Base64Url('é')).toHaveLength(43)
})
