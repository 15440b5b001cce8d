import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compoundIdentifier } from './compound-identifier.ts'

test.for<[parts: [string, ...string[]], identifier: string]>([
  [['user-1'], 'user-1'],
  [['user-1', 'upload'], 'user-1:upload'],
  [['a:b', 'c'], 'a%3Ab:c'],
  [['a', 'b:c'], 'a:b%3Ac'],
  [['a%3Ab', 'c'], 'a%253Ab:c'],
  [['*', 'user-?[a-z]'], '*:user-?[a-z]'],
  [['a\nb'], 'a%0Ab'],
  [['\ud800'], '%uD800'],
  [['Jürgen', '日本'], 'Jürgen:日本'],
])('joins %j to %j', ([parts, identifier]) => {
  expect(compoundIdentifier(...parts)).toBe(identifier)
})

test('never gives two lists of parts one identifier', () => {
  // Few characters, all of them hostile, so that lists that only differ in where they are cut come up.
  const part = fc.string({
    unit: fc.constantFrom(':', '%', '3', 'A', '~', '*', '\\', '"', '\u0000', '\ud800', '\udc00'),
    minLength: 1,
    maxLength: 4,
  })
  const parts = fc.tuple(part, fc.array(part, { maxLength: 3 }))
  const seen = new Map<string, string>()
  fc.assert(
    fc.property(parts, ([first, rest]) => {
      const list = JSON.stringify([first, ...rest])
      const identifier = compoundIdentifier(first, ...rest)
      expect(seen.get(identifier) ?? list).toBe(list)
      seen.set(identifier, list)
    }),
    { seed: 12, numRuns: 5000 },
  )
  expect(seen.size).toBeGreaterThan(1000)
})

test.for<[parts: unknown[], problem: string]>([
  [[], 'it must have a part, received none'],
  [['a', ''], 'part 2 must be a string and not empty, received an empty one'],
  [[undefined], 'part 1 must be a string and not empty, received undefined'],
  [['a', 1], 'part 2 must be a string and not empty, received number'],
])('refuses %j', ([parts, problem]) => {
  expect(() => compoundIdentifier(...(parts as [string]))).toThrow(
    new TypeError(`Cannot build compound identifier: ${problem}`),
  )
})
