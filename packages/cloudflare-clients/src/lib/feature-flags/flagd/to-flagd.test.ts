import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toRuleset } from '../../../../test/support/published-flags.ts'
import {
  type Context,
  createEvaluation,
  createReference,
} from '../../../../test/support/flagd-reference.ts'
import type { FlagCondition, FlagDefinition, FlagSegment } from '../flag-definition.ts'
import { validateFlag } from '../validate-flag.ts'
import { fromFlagd } from './from-flagd.ts'
import { toFlagd } from './to-flagd.ts'

const segments: Readonly<Record<string, FlagSegment>> = {
  friends: { when: { attribute: 'plan', op: 'in', value: ['pro', 'team'] } },
}
const variants = { on: 'on!', off: 'off!', blue: 'blue!' }
const text = fc.constantFrom('pro', 'team', 'x', 'projector')
const attribute = fc.constantFrom('plan', 'age', 'company.plan', 'userId')

const comparison: fc.Arbitrary<FlagCondition> = fc.oneof(
  fc.record({
    attribute,
    op: fc.constant('eq' as const),
    value: fc.oneof(text, fc.constantFrom(5, 0, true)),
  }),
  fc.record({
    attribute,
    op: fc.constant('in' as const),
    value: fc.uniqueArray(fc.oneof(text, fc.constant(5)), { minLength: 1 }),
  }),
  fc.record({
    attribute: fc.constant('age'),
    op: fc.constantFrom('lt' as const, 'lte' as const, 'gt' as const, 'gte' as const),
    value: fc.constantFrom(0, 5, -1),
  }),
  fc.record({
    attribute: fc.constant('plan'),
    op: fc.constantFrom('starts_with' as const, 'ends_with' as const),
    value: fc.oneof(text, fc.constant(['p', 'x'])),
  }),
  fc.record({
    attribute: fc.constant('plan'),
    op: fc.constant('contains' as const),
    value: fc.oneof(text, fc.constant(['ro', 'x'])),
  }),
  fc.record({
    attribute: fc.constant('version'),
    op: fc.constantFrom(
      'semver_eq' as const,
      'semver_lt' as const,
      'semver_lte' as const,
      'semver_gt' as const,
      'semver_gte' as const,
    ),
    value: fc.constantFrom('1.2.3', '2.0.0-rc.1'),
  }),
  fc.record({ attribute, op: fc.constant('exists' as const), value: fc.constant(true) }),
  fc.record({
    attribute: fc.constant('$now'),
    op: fc.constantFrom('lt' as const, 'gte' as const),
    value: fc.constantFrom(0, 4_000_000_000_000),
  }),
  fc.record({
    attribute: fc.constant('$now'),
    op: fc.constantFrom('before' as const, 'after' as const),
    value: fc.constantFrom('2000-01-01T00:00Z', '2100-01-01T00:00Z'),
  }),
  fc.constant({ segment: 'friends' }),
)
const { condition } = fc.letrec<{ condition: FlagCondition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    comparison,
    fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('condition') }),
  ),
}))
const variant = fc.constantFrom('on', 'off', 'blue')
const split = fc
  .array(fc.record({ variant, weight: fc.constantFrom(0, 1, 2.5, 70) }), {
    minLength: 1,
    maxLength: 3,
  })
  .filter((shares) => shares.some(({ weight }) => weight > 0))
const percentage = fc.constantFrom(0, 0.01, 12.34, 50, 100)
const served = fc.oneof(fc.record({ variant }), fc.record({ split }), fc.record({ percentage }))
const users = fc.uniqueArray(fc.constantFrom('u1', 'u2', 'u3'), { maxLength: 2 })
const definition = fc
  .tuple(
    fc.record(
      {
        enabled: fc.constantFrom(true, true, true, false),
        variants: fc.constant(variants),
        onVariant: fc.constantFrom('blue', 'on'),
        offVariant: fc.constantFrom('blue', null),
        defaultVariant: fc.constantFrom('blue', null),
        block: users,
        allow: users,
        rules: fc.array(
          fc.tuple(condition, served).map(([when, one]) => ({ when, ...one })),
          { maxLength: 3 },
        ),
        startsAt: fc.constantFrom('2000-01-01T00:00Z', '2100-01-01T00:00Z'),
        endsAt: fc.constantFrom('2101-01-01T00:00Z'),
        bucketing: fc.constantFrom(
          { algorithm: 'murmur3', version: 2, salt: 'f' },
          { algorithm: 'murmur3', version: 2, salt: 'other' },
          { algorithm: 'murmur3', version: 2, salt: 'f', by: 'plan' },
        ),
      },
      { requiredKeys: ['enabled', 'variants', 'bucketing'] },
    ),
    fc.oneof(fc.constant({}), fc.record({ split }), fc.record({ percentage })),
  )
  .map(([flag, last]) => ({ ...flag, ...last }))
const context = fc.record(
  {
    targetingKey: fc.oneof(fc.constantFrom('u1', 'u2', 'u3'), fc.string({ minLength: 1 })),
    plan: text,
    age: fc.constantFrom<unknown>(0, 5, 7.5, true, null, ''),
    company: fc.record({ plan: text }),
    version: fc.constantFrom('1.2.3', '1.10.0', '2.0.0-rc.1', '2.0.0', 'x'),
  },
  { requiredKeys: [] },
)

test('flags give everybody the same at flagd, and after they came back from there', () => {
  let answered = 0
  let returned = 0
  fc.assert(
    fc.property(
      definition,
      fc.array(context, { minLength: 10, maxLength: 10 }),
      (flag, contexts) => {
        expect(validateFlag('f', flag, { flags: {}, segments })).toEqual([])
        const { document, faults } = toFlagd(toRuleset({ f: flag }, segments))
        expect(faults).toEqual([])
        const evaluate = createEvaluation({ f: flag }, segments)
        const refer = createReference(document)
        const back = fromFlagd(JSON.parse(JSON.stringify(document)))
        const isBack = back.faults.length === 0
        const evaluateBack = isBack ? createEvaluation(back.flags, back.segments) : evaluate
        returned += Number(isBack)
        for (const one of contexts) {
          const ours = evaluate(one).value
          const theirs = refer(one, 'default')
          // `contains` of a number is an error there.
          if (theirs.errorCode === undefined) {
            expect(theirs.value, JSON.stringify([flag, document, one])).toBe(ours)
            answered++
          }
          expect(evaluateBack(one).value, JSON.stringify([flag, back, one])).toBe(ours)
        }
      },
    ),
    { seed: 6, numRuns: 500 },
  )
  expect(answered).toBeGreaterThan(4000)
  expect(returned).toBeGreaterThan(400)
})

describe('what cannot be carried over', () => {
  const share: FlagDefinition = { enabled: true, percentage: 10 }
  const where = (when: FlagCondition): FlagDefinition => ({
    enabled: true,
    rules: [{ when, variant: 'on' }],
  })

  test.for<readonly [FlagDefinition, string]>([
    [share, 'flags.f.bucketing'],
    [{ ...share, bucketing: { algorithm: 'sha256', version: 1, salt: 'f' } }, 'flags.f.bucketing'],
    [{ enabled: true, prerequisites: [{ flag: 'g' }] }, 'flags.f.prerequisites'],
    [{ enabled: true, startsAt: '2026-01-01T00:00:00.5Z' }, 'flags.f.startsAt'],
    [{ enabled: true, variants: { on: [1] } }, 'flags.f.variants'],
    [where({ attribute: 'ip', op: 'cidr', value: '10.0.0.0/8' }), 'flags.f.rules[0].when.op'],
    [
      where({ attribute: 'born', op: 'before', value: '2000-01-01T00:00Z' }),
      'flags.f.rules[0].when.op',
    ],
    [where({ attribute: '$now', op: 'lte', value: 5 }), 'flags.f.rules[0].when'],
    [where({ attribute: 'targetingKey', op: 'eq', value: 5 }), 'flags.f.rules[0].when.attribute'],
    [where({ segment: 'gone' }), 'flags.f.rules'],
    [where({ any: [{ segment: 'odd' }] }), 'flags.f.rules'],
    [
      {
        enabled: true,
        split: [
          { variant: 'on', weight: 1 / 3 },
          { variant: 'off', weight: 1 },
        ],
        bucketing: { algorithm: 'murmur3', version: 2, salt: 'f' },
      },
      'flags.f.split',
    ],
  ])('%j is a fault, with its path, and leaves the flag out', ([flag, path]) => {
    const odd = { when: { attribute: 'ip', op: 'cidr', value: '10.0.0.0/8' } } as const
    const { document, faults } = toFlagd(
      toRuleset({ f: flag }, { odd, odder: { when: { not: { segment: 'odd' } } } }),
    )
    expect(document.flags).toEqual({})
    expect(document.$evaluators).toBeUndefined()
    expect(faults.map((fault) => fault.path)).toEqual([
      'segments.odd.when.op',
      'segments.odder',
      path,
    ])
  })

  test('strictness is a fault, and leaves the flag in', () => {
    const { document, faults } = toFlagd(
      toRuleset({ f: { enabled: true, strict: { withinSeconds: 5 } } }),
    )
    expect(Object.keys(document.flags)).toEqual(['f'])
    expect(faults).toEqual([
      { path: 'flags.f.strict', reason: 'is left out: flagd has no bound for changes' },
    ])
  })
})

test('a description becomes metadata, under what the flag has of its own', () => {
  const about = { enabled: true, description: 'A page', metadata: { team: 'web' } }
  const { document } = toFlagd(toRuleset({ f: about }))
  expect(document.flags.f?.metadata).toEqual({ description: 'A page', team: 'web' })
})

test('a plain flag is plain at flagd', () => {
  expect(toFlagd(toRuleset({ f: { enabled: true } })).document.flags).toEqual({
    f: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' },
  })
  const context: Context = { targetingKey: 'u1' }
  const { document } = toFlagd(toRuleset({ f: { enabled: false } }))
  expect(createReference(document)(context, true).value).toBe(false)
})
