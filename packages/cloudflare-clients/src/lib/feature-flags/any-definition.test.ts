import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cidrOperators } from './cidr-operators.ts'
import { compileRuleset } from './compile-ruleset.ts'
import { murmur3Bucketing } from './murmur3-bucketing.ts'
import { semverOperators } from './semver-operators.ts'
import { validateFlag, validateSegment } from './validate-flag.ts'

const names = fc.constantFrom(
  'a',
  'b',
  'on',
  'off',
  '__proto__',
  'constructor',
  'toString',
  '',
  '$now',
)
const thrower = fc.constant(undefined).map(() =>
  Object.defineProperty({}, 'a', {
    enumerable: true,
    get: () => {
      throw new Error('no')
    },
  }),
)
const cyclic = fc
  .dictionary(names, fc.anything())
  .map((value) => Object.assign(value, { a: value, all: [value] }))
const anything = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    key: names,
  }),
  fc.constantFrom(Symbol('a'), () => 1, NaN, -0, Infinity),
  thrower,
  cyclic,
)
const json = fc.jsonValue({ maxDepth: 3 })

/** What fits, and now and then what does not. */
function mostly<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 150, arbitrary }, { weight: 1, arbitrary: anything })
}

function record(
  fields: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  required: string[],
): fc.Arbitrary<object> {
  return fc.record(fields, { requiredKeys: required })
}

const variantName = fc.constantFrom('on', 'off', 'on', 'off', 'a', '__proto__')
const comparisons: readonly (readonly [string, fc.Arbitrary<unknown>])[] = [
  ['eq', fc.oneof(fc.boolean(), fc.string(), fc.integer())],
  ['in', fc.uniqueArray(fc.oneof(fc.string(), fc.integer()))],
  ...['lt', 'lte', 'gt', 'gte'].map((op) => [op, fc.double({ noNaN: true })] as const),
  ...['starts_with', 'ends_with', 'contains'].map(
    (op) => [op, fc.string({ minLength: 1 })] as const,
  ),
  ...['semver_eq', 'semver_lt', 'semver_gte'].map(
    (op) => [op, fc.constantFrom('1.2.3', '1.0.0-a', '1.2')] as const,
  ),
  ...['before', 'after'].map(
    (op) =>
      [
        op,
        fc
          .date({ noInvalidDate: true, min: new Date(0), max: new Date(9e12) })
          .map((date) => date.toISOString()),
      ] as const,
  ),
  ['cidr', fc.constantFrom('10.0.0.0/8', ['::/0'], '10.0.0.0/33')],
  ['exists', fc.constant(true)],
  ['regex', fc.string()],
]
const attribute = fc.constantFrom('userId', '$now', 'a', 'a.b', '__proto__', 'constructor.name')
const comparison = fc
  .constantFrom(...comparisons)
  .chain(([op, value]) =>
    record({ attribute: mostly(attribute), op: mostly(fc.constant(op)), value: mostly(value) }, [
      'attribute',
      'op',
      'value',
    ]),
  )
const { condition } = fc.letrec<{ condition: unknown }>((tie) => {
  const inner = fc.array(tie('condition'), { minLength: 1, maxLength: 3 })
  return {
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      comparison,
      record({ segment: mostly(fc.constantFrom('staff', 'circle', 'gone', 'staff', 'staff')) }, [
        'segment',
      ]),
      record({ all: mostly(inner) }, ['all']),
      record({ any: mostly(inner) }, ['any']),
      record({ not: mostly(tie('condition')) }, ['not']),
    ),
  }
})
const share = record({ variant: mostly(variantName), weight: mostly(fc.nat({ max: 100 })) }, [
  'variant',
  'weight',
])
const percentage = mostly(fc.nat({ max: 10_000 }).map((steps) => Number((steps / 100).toFixed(2))))
const split = mostly(fc.array(share, { minLength: 1, maxLength: 3 }))
const served = fc.oneof(
  record({ variant: mostly(variantName) }, ['variant']),
  record({ percentage }, ['percentage']),
  record({ split }, ['split']),
)
const rule = fc
  .tuple(
    record({ when: mostly(condition), id: mostly(fc.string({ minLength: 1, maxLength: 8 })) }, [
      'when',
    ]),
    served,
  )
  .map(([when, shares]) => ({ ...when, ...shares }))
const time = mostly(
  fc.constantFrom('2026-01-01T00:00:00Z', '2027-01-01T00:00+01:00', '2026-02-30T00:00Z'),
)
const users = mostly(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 4 }))
const prerequisite = record(
  { flag: mostly(fc.constantFrom('base', 'circle', 'gone', 'base', 'base')) },
  ['flag'],
)
const fieldNames = [
  'variants',
  'onVariant',
  'offVariant',
  'defaultVariant',
  'allow',
  'block',
  'rules',
  'prerequisites',
  'startsAt',
  'endsAt',
  'bucketing',
  'strict',
  'description',
  'metadata',
  'unknown',
]
const definition = fc
  .tuple(
    record(
      {
        enabled: mostly(fc.boolean()),
        variants: mostly(
          fc.oneof(
            fc.constant({ on: true, off: false }),
            fc.constant(JSON.parse('{"on":1,"off":2,"__proto__":3,"a":4}') as object),
            fc.dictionary(variantName, json),
          ),
        ),
        onVariant: mostly(variantName),
        offVariant: mostly(variantName),
        defaultVariant: mostly(variantName),
        allow: users,
        block: users,
        rules: mostly(fc.array(rule, { maxLength: 3 })),
        prerequisites: mostly(fc.array(prerequisite, { maxLength: 2 })),
        startsAt: time,
        endsAt: time,
        bucketing: mostly(
          record(
            {
              algorithm: mostly(fc.constantFrom('sha256', 'murmur3')),
              version: mostly(fc.constantFrom(1, 2)),
              salt: mostly(fc.string()),
              by: mostly(attribute),
            },
            ['algorithm', 'version', 'salt'],
          ),
        ),
        strict: mostly(
          record(
            {
              withinSeconds: mostly(fc.integer({ min: 1, max: 3600 })),
              otherwise: mostly(variantName),
            },
            ['withinSeconds'],
          ),
        ),
        description: mostly(fc.string()),
        metadata: mostly(
          fc.dictionary(fc.string(), fc.oneof(fc.boolean(), fc.string(), fc.integer())),
        ),
        unknown: anything,
      },
      ['enabled', ...fieldNames],
    ),
    // A few fields of all, or hardly any definition would be accepted.
    fc.subarray(fieldNames, { maxLength: 4 }),
    fc.option(served),
  )
  .map(([fields, kept, shares]) => ({
    ...Object.fromEntries(
      Object.entries(fields).filter(([name]) => name === 'enabled' || kept.includes(name)),
    ),
    ...(shares !== null && !('variant' in shares) && shares),
  }))

const others = {
  base: { enabled: true },
  circle: { enabled: true, prerequisites: [{ flag: 'own' }] },
} as const
/** Of which `circle` rests on itself as soon as `own` rests on it. */
const segments = {
  staff: { when: { attribute: 'a', op: 'eq', value: 1 } },
  circle: { when: { segment: 'own' } },
} as const
const known = { flags: others, segments: { ...segments, own: segments.staff } }
const context = fc.oneof(
  anything,
  record({ userId: mostly(fc.string()), attributes: mostly(fc.dictionary(names, anything)) }, []),
)
const seed = 6
const standing = fc.option(
  fc.record({
    isStale: fc.boolean(),
    unconfirmedSinceMs: fc.constantFrom(null, 0, -Infinity),
  }),
  { nil: undefined },
)

function compileOwn(flag: unknown, segment: unknown = segments.staff) {
  const faults: string[] = []
  const ruleset = compileRuleset(
    {
      format: 1,
      version: 1,
      flags: { ...others, own: flag },
      segments: { ...segments, own: segment },
    },
    {
      algorithms: [murmur3Bucketing],
      operators: [semverOperators, cidrOperators],
      onFault: ({ kind, name }) => faults.push(`${kind} ${name}`),
    },
  )
  return { ruleset, faults }
}

test('evaluates any definition for any context without throwing', () => {
  fc.assert(
    fc.property(
      fc.oneof(definition, anything),
      fc.oneof(record({ when: condition }, ['when']), anything),
      fc.oneof(fc.constantFrom('own', 'base', 'gone', '__proto__'), anything),
      context,
      anything,
      fc.oneof(fc.integer(), fc.constantFrom(NaN, Infinity)),
      standing,
      (flag, segment, name, asked, defaultValue, nowMs, rests) => {
        const { ruleset } = compileOwn(flag, segment)
        const evaluation = ruleset.evaluate(
          name as string,
          asked as object,
          defaultValue as boolean,
          nowMs,
          rests,
        )
        expect(Object.isFrozen(evaluation)).toBe(true)
        if (evaluation.error || evaluation.variant === undefined)
          expect(evaluation.value).toBe(defaultValue)
        expect(evaluation.reason === 'ERROR').toBe(evaluation.error !== undefined)
      },
    ),
    { seed, numRuns: 1500 },
  )
})

test('compiles every flag that validates, and validates none that does not compile', () => {
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(
      fc.oneof({ weight: 20, arbitrary: definition }, { weight: 1, arbitrary: anything }),
      (flag) => {
        const isValid = validateFlag('own', flag, known).length === 0
        const compiles = !compileOwn(flag).faults.includes('flag own')
        if (isValid) expect(compiles).toBe(true)
        accepted += Number(isValid)
        refused += Number(!compiles)
      },
    ),
    { seed, numRuns: 2500 },
  )
  expect(Math.min(accepted, refused)).toBeGreaterThan(400)
})

test('compiles every segment that validates, and validates none that does not compile', () => {
  const user = { enabled: true, rules: [{ when: { segment: 'own' }, variant: 'on' }] }
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(fc.oneof(record({ when: condition }, ['when']), anything), (segment) => {
      const isValid = validateSegment('own', segment, known).length === 0
      const compiles = !compileOwn(user, segment ?? null).faults.includes('flag own')
      if (isValid) expect(compiles).toBe(true)
      accepted += Number(isValid)
      refused += Number(!compiles)
    }),
    { seed, numRuns: 1500 },
  )
  expect(Math.min(accepted, refused)).toBeGreaterThan(400)
})

test('finds faults in anything without throwing', () => {
  fc.assert(
    fc.property(fc.string(), anything, (name, value) => {
      expect(validateFlag(name, value).length).toBeGreaterThan(0)
      validateSegment(name, value)
    }),
    { seed, numRuns: 2000 },
  )
})
