import { FlagdCore } from '@openfeature/flagd-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toRuleset } from '../../../../test/support/published-flags.ts'
import {
  type Context,
  createEvaluation,
  createReference,
  silent,
} from '../../../../test/support/flagd-reference.ts'
import { compileRuleset } from '../compile-ruleset.ts'
import { murmur3Bucketing } from '../murmur3-bucketing.ts'
import { fromFlagd } from './from-flagd.ts'

const variants = { red: 'red', blue: 'blue', true: 'yes', false: 'no' }
function toDocument(targeting: unknown, more: object = {}) {
  return {
    flags: { f: { state: 'ENABLED', variants, defaultVariant: 'red', targeting, ...more } },
  }
}

/** @returns How often flagd had an answer at all. */
function expectSame(
  document: unknown,
  contexts: readonly Context[],
  byDefault: unknown = 'default',
): number {
  const { flags, segments, faults } = fromFlagd(document)
  expect(faults).toEqual([])
  const evaluate = createEvaluation(flags, segments)
  const refer = createReference(document)
  const answered = contexts.filter((context) => {
    const { value, variant, errorCode } = refer(context, byDefault)
    if (errorCode !== undefined) return false
    const ours = evaluate(context, byDefault)
    expect([ours.value, ours.variant], JSON.stringify([document, context])).toEqual([
      value,
      variant,
    ])
    return true
  })
  return answered.length
}

const names = ['a', 'b', 'user.plan', 'targetingKey']
const variable = fc
  .constantFrom(...names)
  .chain((name) => fc.constantFrom<object>({ var: name }, { var: [name] }))
const text = fc.constantFrom('', 'x', 'abc', 'abcd', 'ä€𝄞', '5', '0')
const number = fc.constantFrom(0, 1, 5, -3, 2.5)
const constant = fc.oneof(text, number, fc.boolean(), fc.constant(null))
const version = fc.constantFrom('1.2.3', '1.2.3-rc.1', '2.0.0', '1.3.0', '10.0.0')

const comparison = fc.oneof(
  fc
    .tuple(fc.constantFrom('==', '===', '!=', '!=='), variable, constant, fc.boolean())
    .map(([op, left, right, isFlipped]) => ({ [op]: isFlipped ? [right, left] : [left, right] })),
  fc
    .tuple(fc.constantFrom('<', '<=', '>', '>='), variable, number, fc.boolean())
    .map(([op, left, right, isFlipped]) => ({ [op]: isFlipped ? [right, left] : [left, right] })),
  fc
    .tuple(fc.constantFrom('<', '<='), number, variable, number)
    .map(([op, ...operands]) => ({ [op]: operands })),
  fc
    .tuple(variable, fc.array(fc.oneof(text, number, fc.boolean()), { maxLength: 3 }))
    .map((operands) => ({ in: operands })),
  fc
    .tuple(
      text.filter((one) => one !== ''),
      variable,
    )
    .map((operands) => ({ in: operands })),
  fc
    .tuple(fc.constantFrom('starts_with', 'ends_with'), variable, text)
    .map(([op, ...operands]) => ({ [op]: operands })),
  fc
    .tuple(variable, fc.constantFrom('=', '!=', '<', '<=', '>', '>=', '^', '~'), version)
    .map((operands) => ({ sem_ver: operands })),
)
const { condition } = fc.letrec<{ condition: unknown }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    comparison,
    variable,
    fc.constantFrom({ $ref: 'shared' }, true, false),
    fc
      .tuple(
        fc.constantFrom('and', 'or'),
        fc.array(tie('condition'), { minLength: 1, maxLength: 3 }),
      )
      .map(([op, operands]) => ({ [op]: operands })),
    fc
      .tuple(fc.constantFrom('!', '!!'), tie('condition'))
      .map(([op, operand]) => ({ [op]: [operand] })),
    fc
      .tuple(tie('condition'), tie('condition'), tie('condition'))
      .map((operands) => ({ if: operands })),
  ),
}))
const bucket = fc.tuple(
  fc.oneof(
    fc.constantFrom('red', 'blue', null),
    fc
      .tuple(condition, fc.constant('red'), fc.constant('blue'))
      .map((operands) => ({ if: operands })),
  ),
  fc.integer({ min: 0, max: 100 }),
)
/** Of one way to spread users for each flag. */
function toFractional(unit: readonly unknown[]) {
  return fc
    .array(bucket, { minLength: 1, maxLength: 3 })
    .map((buckets) => ({ fractional: [...unit, ...buckets] }))
}
const unit = fc.constantFrom<readonly unknown[]>(
  [],
  [{ var: 'targetingKey' }],
  [{ var: 'a' }],
  [{ cat: [{ var: '$flagd.flagKey' }, { var: 'a' }] }],
  [{ cat: ['salt', 5, { var: 'user.plan' }] }],
)
const targeting = unit.chain((spreadBy) => {
  const { outcome } = fc.letrec<{ outcome: unknown }>((tie) => ({
    outcome: fc.oneof(
      { maxDepth: 2, depthSize: 'small' },
      fc.constantFrom('red', 'blue', true, null),
      toFractional(spreadBy),
      comparison,
      fc.constant({ $ref: 'choice' }),
      fc
        .array(fc.tuple(condition, tie('outcome')), { minLength: 1, maxLength: 2 })
        .chain((pairs) =>
          fc
            .oneof(fc.constant([]), fc.tuple(tie('outcome')))
            .map((last) => ({ if: [...pairs.flat(), ...last] })),
        ),
    ),
  }))
  return outcome.filter((logic) => typeof logic === 'object' && logic !== null)
})
const attribute = fc.oneof(constant, version, fc.string())
const context = fc.record(
  {
    targetingKey: fc.oneof(fc.string(), fc.constantFrom('', 'abc', '5')),
    a: attribute,
    b: attribute,
    user: fc.record({ plan: attribute }),
  },
  { requiredKeys: [] },
)
const $evaluators = {
  shared: { or: [{ '==': [{ var: 'b' }, 'abc'] }, { $ref: 'inner' }] },
  inner: { starts_with: [{ var: 'a' }, 'x'] },
  choice: { if: [{ $ref: 'shared' }, 'blue', null] },
}

/** Faults of what is longer or deeper than a flag may be. */
const isLimit = /^must (not be in more|be at most \d+ bytes|be a list of \d|not be nested)/

function hasText(part: unknown, test: (text: string) => boolean): boolean {
  return typeof part === 'object' && part !== null
    ? Object.values(part).some((inner) => hasText(inner, test))
    : test(typeof part === 'string' ? part : `v${JSON.stringify(part)}`)
}

/** A number to flagd only, `" 1.0"`, in another way than its usual one. */
function isOddNumber(text: string): boolean {
  return text !== '' && !Number.isNaN(Number(text)) && String(Number(text)) !== text
}

/** A version or a number to flagd only: `v1`, and `1` with or without quotes. */
function isLoose(text: string): boolean {
  return /^v?-?\d+(\.\d+)?$/i.test(text)
}

describe('flags of flagd', () => {
  test('answer as flagd does, whatever the rule and the context', () => {
    let answered = 0
    fc.assert(
      fc.property(
        targeting,
        fc.array(context, { minLength: 10, maxLength: 10 }),
        fc.constantFrom('red', null),
        (logic, contexts, defaultVariant) => {
          // What flagd takes from no default variant is the caller's, which shares here cannot give to some.
          const document = { ...toDocument(logic, { defaultVariant }), $evaluators }
          const isOdd = defaultVariant === null && JSON.stringify(logic).includes('[null,')
          if (isOdd) return
          const rule = JSON.stringify(logic)
          const compared = contexts.filter(
            (one) =>
              !hasText(one, isOddNumber) &&
              !(/sem_ver|"[<>]/.test(rule) && hasText(one, isLoose)) &&
              // Of what is no ASCII flagd takes the UTF-8, its evaluation in JavaScript takes something else.
              !(rule.includes('fractional') && /[^ -~]/.test(JSON.stringify(one))),
          )
          if (fromFlagd(document).faults.some(({ reason }) => isLimit.test(reason))) return
          answered += expectSame(document, compared)
        },
      ),
      { seed: 6, numRuns: 700 },
    )
    expect(answered).toBeGreaterThan(2000)
  })

  test('convert what they compare as flagd does, each kind of value with each', () => {
    const values = [null, true, false, 0, 1, 5, '', '0', '1', '5', 'x']
    const contexts = [{}, ...values.map((a) => ({ a }))]
    const isNumeric = (value: unknown): boolean => typeof value === 'string' && /\d/.test(value)
    let answered = 0
    for (const right of values) {
      for (const operator of ['==', '===', '!=', '!==']) {
        const logic = { if: [{ [operator]: [{ var: 'a' }, right] }, 'blue'] }
        answered += expectSame(toDocument(logic), contexts)
      }
      if (typeof right !== 'number') continue
      for (const operator of ['<', '<=', '>', '>=']) {
        const logic = { if: [{ [operator]: [right, { var: 'a' }] }, 'blue'] }
        answered += expectSame(
          toDocument(logic),
          contexts.filter((one) => !Object.values(one).some(isNumeric)),
        )
      }
    }
    expect(answered).toBeGreaterThan(500)
  })

  // The reference is handed UTF-8, byte for byte, since by itself it takes UTF-16, which flagd does not.
  test('give 20,000 users, non-ASCII ones too, the variant that flagd gives them', () => {
    const document = toDocument({
      fractional: [
        ['red', 1],
        ['blue', 999_999],
      ],
    })
    const spread = toDocument({
      fractional: [
        ['red', 10],
        ['blue', 20],
        ['true', 70],
      ],
    })
    const core = [document, spread].map((one) => {
      const flagd = new FlagdCore(undefined, silent, { disableDynamicCodeGeneration: true })
      flagd.setConfigurations(JSON.stringify(one))
      const { flags } = fromFlagd(one)
      return { flagd, ours: compileRuleset(toRuleset(flags), { algorithms: [murmur3Bucketing] }) }
    })
    for (const { flagd, ours } of core) {
      for (let i = 0; i < 10_000; i++) {
        const user = i % 2 ? `user-${i}` : `ユーザー${i}🙂`
        const targetingKey = String.fromCharCode(...new TextEncoder().encode(user))
        const theirs = flagd.resolveStringEvaluation('f', 'default', { targetingKey })
        expect(ours.evaluate('f', { userId: user }, 'default', 0).value).toBe(theirs.value)
      }
    }
  })

  test.for([
    ['a time that has come', { '>=': [{ var: '$flagd.timestamp' }, 1_000] }],
    ['a time that has not', { '>': [{ var: '$flagd.timestamp' }, 4_000_000_000] }],
    ['a time between two', { '<': [5, { var: '$flagd.timestamp' }, 4_000_000_000] }],
    ['its own key', { '==': [{ var: '$flagd.flagKey' }, 'f'] }],
    ['a range of one version', { sem_ver: [{ var: 'a' }, '^', 'v1'] }],
  ] as const)('compare %s', ([, logic]) => {
    expect(expectSame(toDocument({ if: [logic, 'blue'] }), [{ a: '1.5.0' }])).toBe(1)
  })

  test('know the time in whole seconds, just before, at and after', () => {
    const { flags, segments } = fromFlagd(
      toDocument({ if: [{ '>': [{ var: '$flagd.timestamp' }, 1000] }, 'blue'] }),
    )
    const evaluate = createEvaluation(flags, segments)
    const at = (nowMs: number) => evaluate({}, 'default', nowMs).variant
    expect([at(1_000_999), at(1_001_000)]).toEqual(['red', 'blue'])
  })

  test('are off for everybody when they are disabled, even with a variant of that name', () => {
    const flag = { state: 'DISABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
    const document = { flags: { f: flag } }
    expect(expectSame(document, [{}], true)).toBe(1)
    const { flags } = fromFlagd(document)
    expect(createEvaluation(flags)({}, true)).toMatchObject({
      value: true,
      reason: 'DISABLED',
    })
  })

  test('give the caller’s default without a default variant, even with a variant named on', () => {
    const flag = { state: 'ENABLED', variants: { on: true, off: false } }
    for (const defaultVariant of [undefined, null])
      expect(expectSame({ flags: { f: { ...flag, defaultVariant } } }, [{}], false)).toBe(1)
  })

  test('have the metadata of their set under their own, and may be a list', () => {
    const flag = { key: 'f', state: 'ENABLED', variants: { a: {} }, metadata: { team: 'b' } }
    const { flags } = fromFlagd({ flags: [flag], metadata: { team: 'a', set: 1 } })
    expect(flags.f?.metadata).toEqual({ team: 'b', set: 1 })
  })

  test('of any name change no prototype', () => {
    const { flags } = fromFlagd(
      JSON.parse('{"flags":{"__proto__":{"state":"ENABLED","variants":{"a":1}}}}'),
    )
    expect(Object.keys(flags)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>).variants).toBeUndefined()
  })
})

describe('what cannot be carried over', () => {
  test.for<readonly [unknown, string]>([
    [{ if: [{ reduce: [] }, 'red'] }, 'flags.f.targeting.if[0].reduce'],
    [{ if: [{ '==': [{ var: 'a' }, { var: 'b' }] }, 'red'] }, 'flags.f.targeting.if[0].=='],
    [{ if: [{ '==': [{ var: ['a', 1] }, 1] }, 'red'] }, 'flags.f.targeting.if[0].==[0]'],
    [{ if: [{ '==': [{ var: 'userId' }, 1] }, 'red'] }, 'flags.f.targeting.if[0].==[0]'],
    [{ if: [true, 'green'] }, 'flags.f.targeting.if[1]'],
    [{ var: 'a' }, 'flags.f.targeting'],
    [{ fractional: [{ var: 'a' }, [{ var: 'b' }, 1]] }, 'flags.f.targeting.fractional[1][0]'],
    [{ fractional: [['red', 0.5]] }, 'flags.f.targeting.fractional[0][1]'],
    [{ fractional: [{ cat: [{ var: 'a' }, 'x'] }, ['red', 1]] }, 'flags.f.targeting.fractional[0]'],
    [
      {
        fractional: [
          ['red', 2 ** 22],
          ['blue', 1],
        ],
      },
      'flags.f.targeting.fractional',
    ],
    [
      {
        if: [
          true,
          {
            fractional: [
              ['red', 1],
              ['blue', 1],
            ],
          },
          { fractional: [{ var: 'a' }, ['red', 1], ['blue', 1]] },
        ],
      },
      'flags.f.targeting',
    ],
    [
      { fractional: Array.from({ length: 7 }, () => [{ if: [{ var: 'a' }, 'red', 'blue'] }, 1]) },
      `flags.f.targeting.fractional${'.if[1].fractional'.repeat(6)}`,
    ],
    [{ if: [{ $ref: 'missing' }, 'red'] }, 'flags.f.targeting.if[0]'],
    [{ if: [{ $ref: 'circle' }, 'red'] }, '$evaluators.circle.and[0]'],
    [{ $ref: 'circle' }, '$evaluators.circle'],
  ])('%j is a fault, with its path, and leaves the flag out', ([logic, path]) => {
    const circle = { and: [{ $ref: 'circle' }, true] }
    const imported = fromFlagd({ ...toDocument(logic), $evaluators: { circle } })
    if (JSON.stringify(logic).includes('[true,{"fractional"')) {
      // The second one is never reached.
      expect(imported.flags.f).toBeDefined()
      return
    }
    expect(imported.flags).toEqual({})
    expect(imported.faults.map((fault) => fault.path)).toContain(path)
  })

  test.for<readonly [unknown, string]>([
    [null, 'flags'],
    [{ flags: { f: 5 } }, 'flags.f'],
    [{ flags: [{}] }, 'flags[0]'],
    [{ flags: { f: { state: 'on', variants: { a: 1 } } } }, 'flags.f.state'],
    [{ flags: { f: { state: 'ENABLED', variants: { a: 1, b: 'b' } } } }, 'flags.f.variants'],
    [{ flags: { f: { state: 'ENABLED', variants: {} } } }, 'flags.f.variants'],
    [
      { flags: { f: { state: 'ENABLED', variants: { a: 1 }, defaultVariant: 'b' } } },
      'flags.f.defaultVariant',
    ],
    [
      { flags: { f: { state: 'ENABLED', variants: { a: 1 }, metadata: { a: [] } } } },
      'flags.f.metadata',
    ],
    [{ flags: {}, $evaluators: { odd: { cat: ['a'] } } }, '$evaluators.odd.cat'],
  ])('%j is one too', ([document, path]) => {
    expect(fromFlagd(document).faults.map((fault) => fault.path)).toContain(path)
  })
})
