import { expect, test } from 'vitest'
import { cidrOperators } from './cidr-operators.ts'
import type { RulesetStanding } from './compile-flag.ts'
import { compileRuleset, type CompileOptions } from './compile-ruleset.ts'
import type { FlagCondition, FlagDefinition, FlagSegment } from './flag-definition.ts'
import { semverOperators } from './semver-operators.ts'

const nowMs = Date.parse('2026-11-21T12:00:00Z')

function compile(
  flags: Readonly<Record<string, unknown>>,
  segments: Readonly<Record<string, unknown>> = {},
  options: CompileOptions = {},
) {
  const faults: string[] = []
  const ruleset = compileRuleset(
    { format: 1, version: 7, changedAtMs: 0, flags, segments },
    { onFault: ({ kind, name }) => faults.push(`${kind} ${name}`), ...options },
  )
  return { ruleset, faults }
}

/** One flag, evaluated for a user. */
function evaluateFlag(
  flag: FlagDefinition,
  userId?: string,
  attributes: Readonly<Record<string, unknown>> = {},
) {
  const { ruleset, faults } = compile({ beta: { version: 3, ...flag } })
  expect(faults).toEqual([])
  const context = userId === undefined ? { attributes } : { userId, attributes }
  return ruleset.evaluate('beta', context, undefined, nowMs)
}

test.for<[FlagDefinition, object]>([
  [
    { enabled: true },
    { value: true, variant: 'on', reason: 'STATIC', decision: 'default', flagVersion: 3 },
  ],
  [
    { enabled: false, allow: ['u1'], percentage: 100 },
    { value: false, variant: 'off', reason: 'DISABLED', decision: 'disabled', flagVersion: 3 },
  ],
  [
    { enabled: true, startsAt: '2026-11-21T12:00:00Z', endsAt: '2026-11-21T12:00:00.001Z' },
    { value: true, variant: 'on', reason: 'DEFAULT', decision: 'default', flagVersion: 3 },
  ],
  [
    { enabled: true, startsAt: '2026-11-21T12:00:00.001Z' },
    { value: false, variant: 'off', reason: 'DISABLED', decision: 'not-started', flagVersion: 3 },
  ],
  [
    { enabled: true, endsAt: '2026-11-21T12:00:00Z' },
    { value: false, variant: 'off', reason: 'DISABLED', decision: 'ended', flagVersion: 3 },
  ],
  [
    { enabled: true, block: ['u1'], allow: ['u1'] },
    { value: false, variant: 'off', reason: 'TARGETING_MATCH', decision: 'block', flagVersion: 3 },
  ],
  [
    { enabled: true, allow: ['u1'], percentage: 0 },
    { value: true, variant: 'on', reason: 'TARGETING_MATCH', decision: 'allow', flagVersion: 3 },
  ],
  [
    { enabled: true, allow: ['u2'], defaultVariant: 'off' },
    { value: false, variant: 'off', reason: 'DEFAULT', decision: 'default', flagVersion: 3 },
  ],
  [
    { enabled: true, percentage: 0 },
    { value: false, variant: 'off', reason: 'SPLIT', decision: 'percentage', flagVersion: 3 },
  ],
  [
    { enabled: true, percentage: 100 },
    { value: true, variant: 'on', reason: 'SPLIT', decision: 'percentage', flagVersion: 3 },
  ],
  [
    {
      enabled: true,
      variants: { a: 1, b: 2 },
      split: [
        { variant: 'a', weight: 0 },
        { variant: 'b', weight: 9 },
      ],
    },
    { value: 2, variant: 'b', reason: 'SPLIT', decision: 'split', flagVersion: 3 },
  ],
  [
    { enabled: true, variants: { a: 'x' }, metadata: { owner: 'web' } },
    {
      value: undefined,
      reason: 'STATIC',
      decision: 'default',
      flagVersion: 3,
      metadata: { owner: 'web' },
    },
  ],
  [
    { enabled: false, variants: { on: 'x' } },
    { value: undefined, reason: 'DISABLED', decision: 'disabled', flagVersion: 3 },
  ],
])('evaluates %j to %j', ([flag, expected]) => {
  const evaluation = evaluateFlag(flag, 'u1')
  expect(evaluation).toEqual(expected)
  expect(Object.isFrozen(evaluation)).toBe(true)
})

test('tries rules in their order, and names the one that decides', () => {
  const flag: FlagDefinition = {
    enabled: true,
    variants: { red: 'r', blue: 'b' },
    defaultVariant: 'red',
    rules: [
      { id: 'eu', when: { attribute: 'country', op: 'in', value: ['DE'] }, variant: 'blue' },
      {
        when: { attribute: 'plan', op: 'eq', value: 'pro' },
        split: [{ variant: 'red', weight: 1 }],
      },
      { when: { attribute: 'plan', op: 'exists', value: true }, variant: 'blue' },
    ],
  }
  const of = (attributes: Readonly<Record<string, unknown>>) => evaluateFlag(flag, 'u1', attributes)
  expect(of({ country: 'DE', plan: 'pro' })).toMatchObject({
    value: 'b',
    rule: 'eu',
    reason: 'TARGETING_MATCH',
    decision: 'rule',
  })
  expect(of({ plan: 'pro' })).toMatchObject({
    value: 'r',
    rule: '1',
    reason: 'SPLIT',
    decision: 'rule',
  })
  expect(of({ plan: 'free' })).toMatchObject({ value: 'b', rule: '2' })
  expect(of({})).toMatchObject({ value: 'r', reason: 'DEFAULT', decision: 'default' })
})

test('gives prerequisites their say', () => {
  const { ruleset } = compile({
    base: { enabled: true, allow: ['u1'], defaultVariant: 'off' },
    theme: { enabled: true, variants: { dark: 1, light: 2 }, onVariant: 'dark' },
    one: { enabled: true, prerequisites: [{ flag: 'base' }] },
    two: {
      enabled: true,
      prerequisites: [{ flag: 'one' }, { flag: 'theme', variants: ['light', 'dark'] }],
    },
    three: { enabled: true, prerequisites: [{ flag: 'theme' }] },
  })
  const of = (flag: string, userId: string) => ruleset.evaluate(flag, { userId }, null, nowMs)
  expect(of('two', 'u1')).toMatchObject({ value: true, reason: 'DEFAULT' })
  expect(of('two', 'u2')).toMatchObject({
    value: false,
    reason: 'DISABLED',
    decision: 'prerequisite',
  })
  expect(of('three', 'u1')).toMatchObject({ decision: 'prerequisite' })
})

test('answers with the default and the reason where it cannot evaluate', () => {
  const { ruleset } = compile({
    beta: { enabled: true, percentage: 50, version: 3, metadata: { owner: 'web' } },
    broken: { enabled: 'yes' },
    toString: { enabled: true },
  })
  const of = (flag: string, context: object, defaultValue: boolean | string) =>
    ruleset.evaluate(flag, context, defaultValue, nowMs)
  expect(of('nothing', {}, true)).toEqual({
    value: true,
    reason: 'ERROR',
    flagVersion: 0,
    error: { code: 'FLAG_NOT_FOUND', message: 'Cannot evaluate flag: flag not found' },
  })
  expect(of('__proto__', {}, true)).toMatchObject({ error: { code: 'FLAG_NOT_FOUND' } })
  expect(of('toString', {}, false)).toMatchObject({ value: true })
  expect(of('broken', {}, true)).toMatchObject({ value: true, error: { code: 'PARSE_ERROR' } })
  expect(of('beta', { userId: 'u1' }, 'x')).toEqual({
    value: 'x',
    reason: 'ERROR',
    flagVersion: 3,
    metadata: { owner: 'web' },
    error: { code: 'TYPE_MISMATCH', message: 'Cannot evaluate flag: type mismatch' },
  })
  for (const context of [{}, { userId: '' }, { attributes: { userId: 'u1' } }]) {
    expect(of('beta', context, true)).toMatchObject({
      value: true,
      flagVersion: 3,
      error: { code: 'TARGETING_KEY_MISSING' },
    })
  }
  const broken = {
    get userId(): string {
      throw new Error('no')
    },
  }
  expect(of('beta', broken, true)).toMatchObject({ value: true, error: { code: 'GENERAL' } })
})

test.for([
  [{ a: true }, true, 'boolean'],
  [{ a: 'x' }, 'y', 'string'],
  [{ a: 1 }, 2, 'number'],
  [{ a: {}, b: [1] }, { x: 1 }, 'json'],
] as const)('takes only defaults of the type of %j', ([variants, own, type]) => {
  const { ruleset } = compile({ beta: { enabled: true, variants } })
  expect(ruleset.describe('beta')?.type).toBe(type)
  for (const [value, valueType] of [
    [true, 'boolean'],
    ['', 'string'],
    [NaN, 'number'],
    [[], 'json'],
  ] as const) {
    const code = ruleset.evaluate('beta', {}, value, nowMs).error?.code
    expect(code).toBe(valueType === type ? undefined : 'TYPE_MISMATCH')
  }
  expect(ruleset.evaluate('beta', {}, own, nowMs).error).toBeUndefined()
  expect(ruleset.evaluate('beta', {}, null, nowMs).error).toBeUndefined()
})

test('hands out values that nobody can change, and leaves the document as it is', () => {
  const variants = { on: { list: [1] } }
  const { ruleset } = compile({ beta: { enabled: true, variants } })
  const { value } = ruleset.evaluate('beta', {}, {}, nowMs)
  expect(Object.isFrozen(value)).toBe(true)
  expect(Object.isFrozen((value as typeof variants.on).list)).toBe(true)
  expect(Object.isFrozen(variants.on)).toBe(false)
})

test('makes answers that are the same for everybody once', () => {
  const { ruleset } = compile({ beta: { enabled: true, allow: ['u1', 'u2'], percentage: 50 } })
  const of = (userId: string) => ruleset.evaluate('beta', { userId }, false, nowMs)
  expect(of('u1')).toBe(of('u2'))
  expect(of('u3')).toBe(of('u3'))
})

test('skips what cannot be read, and reports it once', () => {
  const { ruleset, faults } = compile(
    {
      good: { enabled: true, prerequisites: [{ flag: 'base' }], colour: 'red' },
      base: { enabled: true },
      dangling: { enabled: true, prerequisites: [{ flag: 'gone' }] },
      chained: { enabled: true, prerequisites: [{ flag: 'dangling' }] },
      circleA: { enabled: true, prerequisites: [{ flag: 'circleB' }] },
      circleB: { enabled: true, prerequisites: [{ flag: 'circleA' }] },
      usesBroken: { enabled: true, rules: [{ when: { segment: 'broken' }, variant: 'on' }] },
      usesCircle: { enabled: true, rules: [{ when: { segment: 'me' }, variant: 'on' }] },
      usesProto: { enabled: true, rules: [{ when: { segment: '__proto__' }, variant: 'on' }] },
      newer: { enabled: true, bucketing: { algorithm: 'sha256', version: 2, salt: 's' } },
    },
    {
      broken: { when: { attribute: 'a', op: 'regex', value: '(a+)+$' } },
      me: { when: { not: { segment: 'me' } } },
    },
  )
  expect(faults.toSorted()).toEqual([
    'flag chained',
    'flag circleA',
    'flag circleB',
    'flag dangling',
    'flag newer',
    'flag usesBroken',
    'flag usesCircle',
    'flag usesProto',
    'segment broken',
    'segment me',
  ])
  expect(ruleset.booleanFlags).toEqual(['good', 'base'])
})

test.for([
  null,
  [],
  'x',
  {},
  { format: 2, version: 1, flags: {} },
  { format: 1, flags: {} },
  { format: 1, version: 1 },
])('refuses %j as a ruleset', (document) => {
  expect(() => compileRuleset(document)).toThrow(TypeError)
})

test('knows its flags', () => {
  const { ruleset } = compile({
    a: { enabled: true, strict: { withinSeconds: 30 }, metadata: { owner: 'web' }, version: 4 },
    b: { enabled: true, variants: { x: 1 }, strict: { withinSeconds: 5 } },
  })
  expect(ruleset).toMatchObject({ version: 7, strictWithinMs: 5000, booleanFlags: ['a'] })
  expect(ruleset.describe('a')).toMatchObject({
    type: 'boolean',
    withinMs: 30_000,
    about: { flagVersion: 4, metadata: { owner: 'web' } },
  })
  expect(ruleset.describe('c')).toBeUndefined()
  expect(compile({}).ruleset.strictWithinMs).toBe(Infinity)
})

test('says that answers are stale where the ruleset is, but not errors', () => {
  const { ruleset } = compile({ beta: { enabled: true } })
  const standing = { isStale: true, unconfirmedSinceMs: null }
  const of = (flag: string) => ruleset.evaluate(flag, {}, false, nowMs, standing)
  expect(of('beta')).toMatchObject({
    value: true,
    variant: 'on',
    reason: 'STALE',
    decision: 'default',
  })
  expect(Object.isFrozen(of('beta'))).toBe(true)
  expect(of('gone')).toMatchObject({ reason: 'ERROR' })
})

test.for<[RulesetStanding['unconfirmedSinceMs'], boolean]>([
  [null, false],
  [nowMs, false],
  [nowMs - 5000, false],
  [nowMs - 5001, true],
  [-Infinity, true],
])(
  'holds strict flags that are unconfirmed since %s for unconfirmed: %j',
  ([unconfirmedSinceMs, isUnconfirmed]) => {
    const strict = { withinSeconds: 5 }
    const { ruleset } = compile({
      shown: { enabled: true, strict },
      safe: { enabled: true, strict: { ...strict, otherwise: 'off' } },
      rests: { enabled: true, prerequisites: [{ flag: 'safe' }] },
      plain: { enabled: true },
    })
    const of = (flag: string) =>
      ruleset.evaluate(flag, {}, false, nowMs, { isStale: false, unconfirmedSinceMs })
    expect(of('plain')).toMatchObject({ value: true, reason: 'STATIC' })
    expect(of('shown')).toMatchObject({ value: true, reason: isUnconfirmed ? 'STALE' : 'STATIC' })
    expect(of('rests')).toMatchObject({ value: !isUnconfirmed })
    expect(of('safe')).toMatchObject(
      isUnconfirmed
        ? { value: false, variant: 'off', reason: 'STALE', decision: 'unconfirmed' }
        : { value: true, reason: 'STATIC' },
    )
  },
)

const attributes = {
  plan: 'pro',
  age: 17,
  beta: true,
  nothing: null,
  roles: ['editor', 'admin', 7],
  company: { plan: { name: 'big' }, 'a.b': 1 },
  'x.y': 'literal',
  x: { y: 'nested', z: 1 },
  version: '1.2.3-rc.1',
  since: '2026-01-01T00:00:00+02:00',
  sinceMs: Date.parse('2025-12-31T22:00:00Z'),
  ip: '10.1.2.3',
}
const holding: readonly FlagCondition[] = [
  { attribute: 'plan', op: 'eq', value: 'pro' },
  { attribute: 'age', op: 'eq', value: 17 },
  { attribute: 'beta', op: 'eq', value: true },
  { attribute: 'plan', op: 'in', value: ['free', 'pro'] },
  { attribute: 'roles', op: 'in', value: ['admin'] },
  { attribute: 'roles', op: 'in', value: [7] },
  { attribute: 'age', op: 'lt', value: 17.5 },
  { attribute: 'age', op: 'lte', value: 17 },
  { attribute: 'age', op: 'gt', value: 16 },
  { attribute: 'age', op: 'gte', value: 17 },
  { attribute: 'plan', op: 'starts_with', value: 'p' },
  { attribute: 'plan', op: 'ends_with', value: ['x', 'ro'] },
  { attribute: 'plan', op: 'contains', value: 'r' },
  { attribute: 'roles', op: 'contains', value: ['nobody', 'editor'] },
  { attribute: 'plan', op: 'exists', value: true },
  { attribute: 'userId', op: 'in', value: ['u1'] },
  { attribute: '$now', op: 'gte', value: nowMs },
  { attribute: '$now', op: 'after', value: '2026-11-21T11:59:59.999Z' },
  { attribute: 'since', op: 'before', value: '2025-12-31T22:00:00.001Z' },
  { attribute: 'sinceMs', op: 'after', value: '2025-12-31T21:59:59Z' },
  { attribute: 'company.plan.name', op: 'eq', value: 'big' },
  { attribute: 'x.y', op: 'eq', value: 'literal' },
  { attribute: 'x.z', op: 'eq', value: 1 },
  { attribute: 'version', op: 'semver_eq', value: '1.2.3-rc.1+build' },
  { attribute: 'version', op: 'semver_lt', value: '1.2.3' },
  { attribute: 'version', op: 'semver_lte', value: '1.2.3-rc.1' },
  { attribute: 'version', op: 'semver_gt', value: '1.2.3-beta.11' },
  { attribute: 'version', op: 'semver_gte', value: '1.2.3-rc' },
  { attribute: 'ip', op: 'cidr', value: '10.0.0.0/8' },
  { attribute: 'ip', op: 'cidr', value: ['::/0', '10.1.2.3/32'] },
  { segment: 'staff' },
  { all: [] },
  { not: { any: [] } },
  { all: [{ segment: 'staff' }, { attribute: 'age', op: 'lt', value: 18 }] },
  { any: [{ attribute: 'age', op: 'gt', value: 18 }, { segment: 'staff' }] },
]
const failing: readonly FlagCondition[] = [
  { attribute: 'age', op: 'eq', value: '17' },
  { attribute: 'nothing', op: 'eq', value: false },
  { attribute: 'roles', op: 'eq', value: 'editor' },
  { attribute: 'plan', op: 'in', value: [] },
  { attribute: 'age', op: 'in', value: ['17'] },
  { attribute: 'age', op: 'lt', value: 17 },
  { attribute: 'plan', op: 'gt', value: 0 },
  { attribute: 'missing', op: 'lt', value: 5 },
  { attribute: 'age', op: 'starts_with', value: '1' },
  { attribute: 'age', op: 'contains', value: '1' },
  { attribute: 'roles', op: 'starts_with', value: 'editor' },
  { attribute: 'nothing', op: 'exists', value: true },
  { attribute: 'missing', op: 'exists', value: true },
  { attribute: 'toString', op: 'exists', value: true },
  { attribute: '__proto__', op: 'exists', value: true },
  { attribute: 'constructor.name', op: 'eq', value: 'Object' },
  { attribute: 'plan.length', op: 'eq', value: 3 },
  { attribute: 'company.plan.missing', op: 'exists', value: true },
  { attribute: 'plan', op: 'semver_lt', value: '99.0.0' },
  { attribute: 'age', op: 'semver_lt', value: '99.0.0' },
  { attribute: 'plan', op: 'before', value: '2999-01-01T00:00:00Z' },
  { attribute: 'since', op: 'before', value: '2025-12-31T22:00:00Z' },
  { attribute: 'since', op: 'after', value: '2025-12-31T22:00:00Z' },
  { attribute: 'plan', op: 'cidr', value: '0.0.0.0/0' },
  { attribute: 'ip', op: 'cidr', value: '11.0.0.0/8' },
  { any: [] },
  { all: [{ segment: 'staff' }, { attribute: 'age', op: 'gt', value: 18 }] },
  { any: [{ attribute: 'age', op: 'gt', value: 18 }, { not: { segment: 'staff' } }] },
]
const segments: Readonly<Record<string, FlagSegment>> = {
  staff: { when: { segment: 'people' } },
  people: { when: { attribute: 'userId', op: 'starts_with', value: 'u' } },
}

function holds(when: FlagCondition): boolean {
  const flag = { enabled: true, defaultVariant: 'off', rules: [{ when, variant: 'on' }] }
  const { ruleset, faults } = compile({ beta: flag }, segments, {
    operators: [semverOperators, cidrOperators],
  })
  expect(faults).toEqual([])
  return ruleset.evaluate('beta', { userId: 'u1', attributes }, false, nowMs).value === true
}

test.for(holding)('%j holds', (when) => {
  expect(holds(when)).toBe(true)
  expect(holds({ not: when })).toBe(false)
})

test.for(failing)('%j does not hold', (when) => {
  expect(holds(when)).toBe(false)
  expect(holds({ not: when })).toBe(true)
})

test.for(['semver_lt', 'cidr', 'regex', 'constructor', undefined, 7])(
  'has no operator %j unless it is handed one',
  (op) => {
    const { faults } = compile({
      beta: {
        enabled: true,
        rules: [{ when: { attribute: 'a', op, value: '1.0.0' }, variant: 'on' }],
      },
    })
    expect(faults).toEqual(['flag beta'])
  },
)

test('an error stays one while the ruleset is too old', () => {
  const { ruleset } = compile({ shared: { enabled: true, percentage: 50 } })
  const standing = { isStale: true, unconfirmedSinceMs: null }
  expect(ruleset.evaluate('shared', {}, false, nowMs, standing)).toMatchObject({
    value: false,
    reason: 'ERROR',
    error: { code: 'TARGETING_KEY_MISSING' },
  })
})
