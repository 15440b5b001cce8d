import { afterEach, describe, expect, test, vi } from 'vitest'
import { createIdentifierHasher } from './identifier-hasher.ts'

const secret = 's'.repeat(32)
const previousSecret = 'o'.repeat(32)

afterEach(() => {
  vi.restoreAllMocks()
})

test('gives the first 128 bits of HMAC-SHA-256 as base64url', async () => {
  const hasher = createIdentifierHasher({ secret, prefix: 'ip' })
  // Made by OpenSSL of the JSON text that names the prefix and the identifier.
  expect(await hasher.hash('203.0.113.7')).toBe('B70Up5IRxBWKRBmQQRlu_g')
})

test('gives the same text another hash under another prefix or secret', async () => {
  const hashes = await Promise.all([
    createIdentifierHasher({ secret, prefix: 'ip' }).hash('203.0.113.7'),
    createIdentifierHasher({ secret, prefix: 'user' }).hash('203.0.113.7'),
    createIdentifierHasher({ secret: previousSecret, prefix: 'ip' }).hash('203.0.113.7'),
  ])
  expect(hashes).toEqual([
    'B70Up5IRxBWKRBmQQRlu_g',
    'UGwLtez3iqou2a_R7oJZgA',
    'GIl6NnIO2Fjxh-uL3rWcqA',
  ])
})

test('keeps prefix and identifier apart, and identifiers that UTF-8 makes the same', async () => {
  const hash = (prefix: string, identifier: string) =>
    createIdentifierHasher({ secret, prefix }).hash(identifier)
  const hashes = await Promise.all([
    hash('a', 'b:c'),
    hash('a:b', 'c'),
    hash('a","b', 'c'),
    hash('a', 'b","c'),
    hash('a', '\ud800'),
    hash('a', '\ud801'),
    hash('a', '\ufffd'),
    hash('a', '\u0000'),
    hash('a', '*'),
  ])
  expect(new Set(hashes).size).toBe(hashes.length)
  for (const one of hashes) expect(one).toMatch(/^[\w-]{22}$/)
})

describe('hashes that are kept', () => {
  test('are computed once, and again after the one not used for longest was dropped', async () => {
    const sign = vi.spyOn(crypto.subtle, 'sign')
    const hasher = createIdentifierHasher({ secret, prefix: 'ip', maxKept: 2 })
    const first = await hasher.hash('a')
    await hasher.hash('b')
    expect(await hasher.hash('a')).toBe(first)
    expect(sign).toHaveBeenCalledTimes(2)
    await hasher.hash('c') // drops b
    await hasher.hash('a')
    expect(sign).toHaveBeenCalledTimes(3)
    await hasher.hash('b')
    expect(sign).toHaveBeenCalledTimes(4)
  })

  test('do not include long identifiers, of which a client could send many', async () => {
    const sign = vi.spyOn(crypto.subtle, 'sign')
    const hasher = createIdentifierHasher({ secret, prefix: 'token' })
    await hasher.hash('x'.repeat(256))
    await hasher.hash('x'.repeat(256))
    expect(sign).toHaveBeenCalledTimes(1)
    const hash = await hasher.hash('x'.repeat(257))
    expect(await hasher.hash('x'.repeat(257))).toBe(hash)
    expect(sign).toHaveBeenCalledTimes(3)
  })

  test('share one imported key', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey')
    const hasher = createIdentifierHasher({ secret, prefix: 'ip' })
    await hasher.hash('a')
    await hasher.hash('b')
    expect(importKey).toHaveBeenCalledTimes(1)
  })
})

describe('rotation', () => {
  test('gives the hash under the secret before as well, and counts under the new one', async () => {
    const before = createIdentifierHasher({ secret: previousSecret, prefix: 'ip' })
    const during = createIdentifierHasher({ secret, previousSecret, prefix: 'ip' })
    const after = createIdentifierHasher({ secret, previousSecret: undefined, prefix: 'ip' })
    const [old, current] = [await before.hash('a'), await after.hash('a')]
    expect(await before.hashAll('a')).toEqual([old])
    expect(await during.hash('a')).toBe(current)
    expect(await during.hashAll('a')).toEqual([current, old])
    expect(await after.hashAll('a')).toEqual([current])
  })
})

describe('a mistake is refused', () => {
  test.for<[options: object, error: Error]>([
    [
      { secret: undefined, prefix: 'ip' },
      new TypeError(
        'Cannot create identifier hasher: secret must be a string and not empty, received undefined',
      ),
    ],
    [
      { secret: 'short', prefix: 'ip' },
      new RangeError(
        'Cannot create identifier hasher: secret must be at least 32 characters, received 5',
      ),
    ],
    [
      { secret, previousSecret: 'short', prefix: 'ip' },
      new RangeError(
        'Cannot create identifier hasher: previousSecret must be at least 32 characters, received 5',
      ),
    ],
    [
      { secret, previousSecret: secret, prefix: 'ip' },
      new TypeError(
        'Cannot create identifier hasher: previousSecret must be another than secret, received the same',
      ),
    ],
    [
      { secret, prefix: '' },
      new TypeError(
        'Cannot create identifier hasher: prefix must be a string and not empty, received an empty one',
      ),
    ],
    [
      { secret, prefix: 'ip', maxKept: 0 },
      new RangeError(
        'Cannot create identifier hasher: maxKept must be from 1 to Infinity, received 0',
      ),
    ],
  ])('%j', ([options, error]) => {
    expect(() =>
      createIdentifierHasher(options as Parameters<typeof createIdentifierHasher>[0]),
    ).toThrow(error)
  })

  test.for([undefined, null, '', 7])(
    '%j as an identifier, which many would share',
    async (value) => {
      const hasher = createIdentifierHasher({ secret, prefix: 'ip' })
      await expect(hasher.hash(value as string)).rejects.toThrow(TypeError)
    },
  )
})
