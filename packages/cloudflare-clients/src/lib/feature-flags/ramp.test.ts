import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BucketingAlgorithm } from './bucketing.ts'
import { compileRuleset, type CompileOptions } from './compile-ruleset.ts'
import type { FlagDefinition } from './flag-definition.ts'
import { murmur3Bucketing } from './murmur3-bucketing.ts'
import { sha256Bucketing } from './sha256-bucketing.ts'

const ids = Array.from({ length: 1000 }, (_, i) => `user-${i}`)
/** Of the whole, in which each unit is its own bucket. */
const byNumber: BucketingAlgorithm = {
  name: 'number',
  version: 1,
  toShare: (unit) => Number(unit) / 10_000,
}
const bucketing = { algorithm: 'number', version: 1, salt: '' }

function evaluator(name: string, flag: FlagDefinition, options: CompileOptions = {}) {
  const ruleset = compileRuleset({ format: 1, version: 1, flags: { [name]: flag } }, options)
  return (userId: string) => ruleset.evaluate(name, { userId }, null, 0).variant
}

test('takes exactly one bucket in with each step of 0.01 %, and none out', () => {
  for (let step = 1; step <= 10_000; step++) {
    const percentage = Number((step / 100).toFixed(2))
    const of = evaluator(
      'beta',
      { enabled: true, percentage, bucketing },
      { algorithms: [byNumber] },
    )
    expect([of(String(step - 1)), of(String(step))]).toEqual(['on', step === 10_000 ? 'on' : 'off'])
  }
  const none = evaluator(
    'beta',
    { enabled: true, percentage: 0, bucketing },
    { algorithms: [byNumber] },
  )
  expect(none('0')).toBe('off')
})

test('only adds users where a percentage is raised', () => {
  // Each 97th step: all of them are in the test above, and over 100,000 ids in the benchmarks.
  let before = new Set<string>()
  for (let step = 0; step <= 10_000; step += 97) {
    const of = evaluator('beta', { enabled: true, percentage: Number((step / 100).toFixed(2)) })
    const after = new Set(ids.filter((id) => of(id) === 'on'))
    expect([...before].filter((id) => !after.has(id))).toEqual([])
    before = after
  }
  expect(before.size).toBeGreaterThan(950)
})

test('only adds users to the first variant where its weight is raised', () => {
  const weight = fc.integer({ min: 0, max: 1000 })
  fc.assert(
    fc.property(
      weight,
      weight,
      weight,
      fc.integer({ min: 1, max: 1000 }),
      (first, raise, second, third) => {
        const split = (weight: number) =>
          evaluator('beta', {
            enabled: true,
            variants: { a: 1, b: 2, c: 3 },
            split: [
              { variant: 'a', weight },
              { variant: 'b', weight: second },
              { variant: 'c', weight: third },
            ],
          })
        const [lower, higher] = [split(first), split(first + raise)]
        expect(ids.slice(0, 50).filter((id) => lower(id) === 'a' && higher(id) !== 'a')).toEqual([])
      },
    ),
    { seed: 6, numRuns: 200 },
  )
})

test('gives each variant of a split its part', () => {
  const of = evaluator(
    'beta',
    {
      enabled: true,
      variants: { a: 1, b: 2, c: 3 },
      split: [
        { variant: 'a', weight: 1 },
        { variant: 'b', weight: 0 },
        { variant: 'c', weight: 2 },
      ],
      bucketing,
    },
    { algorithms: [byNumber] },
  )
  expect(['0', '3333', '3334', '9999'].map(of)).toEqual(['a', 'a', 'c', 'c'])
})

test('moves nobody where a flag is renamed and keeps its salt', () => {
  const old: FlagDefinition = { enabled: true, percentage: 30 }
  const before = evaluator('old name', old)
  const kept = { algorithm: 'sha256', version: 1, salt: 'old name' }
  const after = evaluator('new name', { ...old, bucketing: kept })
  const lost = evaluator('new name', old)
  expect(ids.map(after)).toEqual(ids.map(before))
  expect(ids.map(lost)).not.toEqual(ids.map(before))
})

test('moves nobody of a flag of version 1 where newer algorithms come', () => {
  const newer: BucketingAlgorithm = { ...byNumber, name: 'sha256', version: 2 }
  const options = { algorithms: [newer, murmur3Bucketing] }
  const stored = { algorithm: 'sha256', version: 1, salt: 'beta' }
  for (const flag of [
    { enabled: true, percentage: 30 },
    { enabled: true, percentage: 30, bucketing: stored },
  ]) {
    const expected = ids.map((id) => (sha256Bucketing.toShare(id, 'beta') < 0.3 ? 'on' : 'off'))
    expect(ids.map(evaluator('beta', flag, options))).toEqual(expected)
  }
})

test('spreads by an attribute where the flag says so', () => {
  const flag: FlagDefinition = {
    enabled: true,
    percentage: 50,
    bucketing: { algorithm: 'sha256', version: 1, salt: 'beta', by: 'company.id' },
  }
  const ruleset = compileRuleset({ format: 1, version: 1, flags: { beta: flag } })
  const of = (id: unknown, userId: string) =>
    ruleset.evaluate('beta', { userId, attributes: { company: { id } } }, false, 0)
  for (const id of ids.slice(0, 50)) {
    expect(of(id, 'u1').value).toBe(sha256Bucketing.toShare(id, 'beta') < 0.5)
    expect(of(id, 'u1')).toBe(of(id, 'u2'))
  }
  expect(of(7, 'u1').value).toBe(of('7', 'u1').value)
  for (const id of [undefined, null, '', NaN, {}, true]) {
    expect(of(id, 'u1').error?.code).toBe('TARGETING_KEY_MISSING')
  }
})

test('shares users as flagd does by murmur3', () => {
  // What flagd does with whole numbers: (hash * total) >> 32.
  const weights = { a: 5, b: 33, c: 62 }
  const of = evaluator(
    'beta',
    {
      enabled: true,
      variants: { a: 'a', b: 'b', c: 'c' },
      split: Object.entries(weights).map(([variant, weight]) => ({ variant, weight })),
      bucketing: { algorithm: 'murmur3', version: 2, salt: 'beta' },
    },
    { algorithms: [murmur3Bucketing] },
  )
  for (const id of ids) {
    const hash = BigInt(murmur3Bucketing.toShare(id, 'beta') * 2 ** 32)
    const bucket = Number((hash * 100n) >> 32n)
    expect(of(id)).toBe(bucket < 5 ? 'a' : bucket < 38 ? 'b' : 'c')
  }
})
