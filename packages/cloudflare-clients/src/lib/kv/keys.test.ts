import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestText, toKVKey, utf8Length } from './kv-key.ts'
import { digestBytes, maxKeyBytes, maxPrefixBytes } from './kv-limits.ts'
import { keyPatterns, keys } from './keys.ts'

/** Any string, lone surrogates and the characters that are escaped included. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(':', '%', '~', 'a', '\ud800', '\udc00', '\u0000'),
    maxLength: 12,
  }),
  // Without a size, fast-check stops at some 200 characters, and no key would be over its limit.
  fc.string({ minLength: 180, maxLength: 600, size: 'max' }),
)

test('builds different keys from different parts', () => {
  fc.assert(
    fc.property(
      fc.array(anyText, { minLength: 2, maxLength: 4 }),
      fc.array(anyText, { minLength: 2, maxLength: 4 }),
      (a, b) => {
        const [featureA = '', idA = '', ...restA] = a
        const [featureB = '', idB = '', ...restB] = b
        fc.pre(JSON.stringify(a) !== JSON.stringify(b))
        expect(keys.cache(featureA, idA, ...restA)).not.toBe(keys.cache(featureB, idB, ...restB))
      },
    ),
    { seed: 2, numRuns: 2000 },
  )
})

test('tells fewer parts from empty ones, and takes no feature without an id', () => {
  expect(keys.cache('a', 'b')).not.toBe(keys.cache('a', 'b', ''))
  expect(keys.cache('a', '')).not.toBe(keys.cache('a', '', ''))
  // @ts-expect-error It would be the key of the empty id.
  keys.cache('a')
})

test('separates parts that hold the separator', () => {
  expect(keys.cache('a:b', 'c')).toBe('cache:a%3Ab:c')
  expect(keys.cache('a', 'b:c')).toBe('cache:a:b%3Ac')
  expect(keys.rateLimit('login', 'a:b')).not.toBe(keys.rateLimit('login:a', 'b'))
})

test.for([':', '%', '~', '\u0000', '\u007f', '\ud800'])(
  'tells a part that holds %j from one that spells its escaped form',
  (character) => {
    const escaped = keys.cache('f', character).slice('cache:f:'.length)
    expect(escaped).toMatch(/^%/)
    expect(keys.cache('f', escaped)).not.toBe(keys.cache('f', character))
  },
)

test('cannot be made to write the digested form of another key', () => {
  const long = 'x'.repeat(600)
  const digested = keys.cache('page', long)
  expect(digested).toContain('~')
  expect(keys.cache('page', digested.slice('cache:page:'.length))).not.toBe(digested)
})

test('builds keys that KV takes, from any parts', async () => {
  await fc.assert(
    fc.asyncProperty(anyText, anyText, async (a, b) => {
      const slot = keys.rateLimitSlot(a, b, { window: '900000-2', slot: 15 })
      for (const key of [keys.cache(a, b), keys.rateLimit(a, b), slot, keys.userSession(a, b)]) {
        expect(key.isWellFormed()).toBe(true)
        expect(utf8Length(key)).toBeLessThanOrEqual(512)
        await env.KV.put(key, 'v')
        expect(await env.KV.get(key)).toBe('v')
      }
    }),
    { seed: 3, numRuns: 60 },
  )
})

test('keeps every key of a feature or user under its prefix, however long the parts are', () => {
  fc.assert(
    fc.property(anyText, anyText, (group, id) => {
      expect(keys.cache(group, id).startsWith(keys.cachePrefix(group))).toBe(true)
      expect(keys.userSession(group, id).startsWith(keys.userSessionPrefix(group))).toBe(true)
      expect(utf8Length(keys.cachePrefix(group))).toBeLessThanOrEqual(maxPrefixBytes)
    }),
    { seed: 4, numRuns: 500 },
  )
})

test('follows the documented patterns', () => {
  const fill = (pattern: string, values: Record<string, string>): string =>
    pattern.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
  expect(keys.cache('f', '1')).toBe(fill(keyPatterns.cache, { feature: 'f', id: '1' }))
  expect(keys.rateLimit('e', '1')).toBe(
    fill(keyPatterns.rateLimit, { endpoint: 'e', identifier: '1' }),
  )
  expect(keys.rateLimitSlot('e', '1', { window: '900000-2', slot: 3 })).toBe(
    fill(keyPatterns.rateLimitSlot, {
      endpoint: 'e',
      identifier: '1',
      window: '900000-2',
      slot: '3',
    }),
  )
  expect(keys.config('web')).toBe(fill(keyPatterns.config, { name: 'web' }))
  expect(keys.preferences('u')).toBe(fill(keyPatterns.preferences, { userId: 'u' }))
  expect(keys.session('h')).toBe(fill(keyPatterns.session, { tokenHash: 'h' }))
  expect(keys.userSession('u', 'h')).toBe(
    fill(keyPatterns.userSession, { userId: 'u', tokenHash: 'h' }),
  )
})

test('leaves a key that KV takes as it is', () => {
  for (const key of ['a', '42', 'é'.repeat(256), 'x'.repeat(512)]) expect(toKVKey(key)).toBe(key)
})

test.for([
  ['empty', ''],
  ['a dot', '.'],
  ['two dots', '..'],
  ['a lone surrogate', 'a\ud800b'],
  ['513 bytes', 'x'.repeat(513)],
  ['513 bytes in 257 characters', `${'é'.repeat(256)}x`],
])('digests a key that is %s, and only once', ([, key = '']) => {
  const physical = toKVKey(key)
  expect(physical).toMatch(/~[\w-]{43}$/)
  expect(utf8Length(physical)).toBeLessThanOrEqual(512)
  expect(toKVKey(physical)).toBe(physical)
})

test('keeps a readable start in a digested key and cuts no character in two', () => {
  const physical = toKVKey('é'.repeat(400))
  expect(physical.startsWith('é'.repeat(234))).toBe(true)
  expect(physical.isWellFormed()).toBe(true)
})

test('digests lone surrogates apart from each other and from their replacement character', () => {
  const digests = ['\ud800', '\ud801', '\udc00', '\ufffd', '\\ud800'].map((text) =>
    digestText(text, 100),
  )
  expect(new Set(digests).size).toBe(5)
})

test('a prefix that may be listed is what a digest leaves of a key', () => {
  expect(maxPrefixBytes).toBe(maxKeyBytes - digestBytes)
})
