import { expect, test } from 'vitest'
import { validateFlag, validateSegment } from './validate-flag.ts'

const condition = { attribute: 'plan', op: 'eq', value: 'pro' }
const known = {
  flags: {
    base: { enabled: true },
    theme: { enabled: true, variants: { dark: 'd', light: 'l' }, onVariant: 'dark' },
    // Rests on what is checked as `beta`.
    above: { enabled: true, prerequisites: [{ flag: 'beta' }] },
  },
  segments: {
    staff: { when: { attribute: 'userId', op: 'in', value: ['u1'] } } as const,
    everyone: { when: { any: [{ segment: 'staff' }, { not: { segment: 'staff' } }] } } as const,
  },
}

const accepted: Readonly<Record<string, unknown>> = {
  'the least there is': { enabled: false },
  'everything at once': {
    enabled: true,
    variants: { a: { x: [1, null] }, b: [] },
    onVariant: 'a',
    offVariant: 'b',
    defaultVariant: 'a',
    allow: ['u1'],
    block: ['u1'],
    rules: [
      { id: 'first', when: { segment: 'staff' }, variant: 'b' },
      { when: { all: [condition, { not: condition }] }, percentage: 0.07 },
      { when: condition, split: [{ variant: 'a', weight: 0.5 }] },
    ],
    split: [
      { variant: 'a', weight: 1 },
      { variant: 'b', weight: 0 },
    ],
    prerequisites: [{ flag: 'base' }, { flag: 'theme', variants: ['dark', 'light'] }],
    startsAt: '2026-01-01T00:00:00Z',
    endsAt: '2026-01-01T01:00:00.001+01:00',
    bucketing: { algorithm: 'sha256', version: 1, salt: '', by: 'company.id' },
    strict: { withinSeconds: 1, otherwise: 'b' },
    description: 'é',
    metadata: { owner: 'web', ticket: 7, temporary: true },
    version: 12,
  },
  'a percentage beside variants that have an onVariant': {
    enabled: true,
    variants: { yes: 1, no: 0 },
    onVariant: 'yes',
    percentage: 99.99,
  },
  'fields that are undefined, as they do not come back from JSON': {
    enabled: true,
    percentage: undefined,
  },
}

test.for(Object.entries(accepted))('accepts %s', ([, definition]) => {
  expect(validateFlag('beta', definition, known)).toEqual([])
})

/** Definitions with the path of the one fault that each has, and what its reason says. */
const refused: readonly [definition: unknown, path: string, reason: RegExp][] = [
  [null, '', /an object, received null/],
  [[], '', /an object, received a list of 0/],
  [{ enabled: 'yes' }, 'enabled', /true or false, received string/],
  [{ enabled: true, percentag: 1 }, 'percentag', /not known, did you mean "percentage"/],
  [{ enabled: true, zzz: 1 }, 'zzz', /^is not known$/],
  [{ enabled: true, startsAt: new Date() }, 'startsAt', /JSON, received an object of a class/],
  [{ enabled: true, percentage: NaN }, 'percentage', /JSON, received NaN/],
  [{ enabled: true, variants: {} }, 'variants', /1 to 100, received 0/],
  [{ enabled: true, variants: { a: 1, b: '1' } }, 'variants.b', /same type as the first/],
  [{ enabled: true, variants: { a: null } }, 'variants.a', /received null/],
  [{ enabled: true, variants: { on: true, '': true } }, 'variants.', /1 to 128 characters/],
  [{ enabled: true, variants: { on: true, '\ud800': true } }, 'variants.\ud800', /well-formed/],
  [{ enabled: true, onVariant: 'onn' }, 'onVariant', /variants, received "onn", did you mean "on"/],
  [{ enabled: true, offVariant: 'toString' }, 'offVariant', /one of the variants/],
  [{ enabled: true, allow: 'u1' }, 'allow', /a list of 0 to 10000, received string/],
  [{ enabled: true, allow: ['u1', 'u2', 'u1'] }, 'allow[2]', /twice, is the same as allow\[0\]/],
  [{ enabled: true, block: [''] }, 'block[0]', /received empty text/],
  [{ enabled: true, block: [7] }, 'block[0]', /received 7/],
  [{ enabled: true, block: Array(10_001).fill('u') }, 'block', /10000, received a list of 10001/],
  [{ enabled: true, variants: { a: 1 }, allow: ['u1'] }, 'allow', /beside an onVariant/],
  [{ enabled: true, percentage: 100.01 }, 'percentage', /steps of 0.01, received 100.01/],
  [{ enabled: true, percentage: -0.01 }, 'percentage', /from 0 to 100/],
  [{ enabled: true, percentage: 0.005 }, 'percentage', /steps of 0.01/],
  [{ enabled: true, percentage: 1, split: [{ variant: 'on', weight: 1 }] }, '', /only one/],
  [{ enabled: true, split: [] }, 'split', /a list of 1 to 100/],
  [{ enabled: true, split: [{ variant: 'on', weight: 0 }] }, 'split', /above 0, received 0/],
  [
    { enabled: true, split: [{ variant: 'on', weight: -1 }] },
    'split[0].weight',
    /from 0, received -1/,
  ],
  [{ enabled: true, rules: [{ when: condition }] }, 'rules[0]', /one of variant/],
  [
    { enabled: true, rules: [{ when: condition, variant: 'on', percentage: 1 }] },
    'rules[0]',
    /only one of variant and percentage/,
  ],
  [
    {
      enabled: true,
      rules: [
        { id: '1', when: condition, variant: 'on' },
        { when: condition, variant: 'on' },
      ],
    },
    'rules[1].id',
    /twice, is the same as that of rules\[0\]/,
  ],
  [
    { enabled: true, rules: Array(201).fill({ when: condition, variant: 'on' }) },
    'rules',
    /200, received a list of 201/,
  ],
  [{ enabled: true, prerequisites: [{ flag: 'beta' }] }, 'prerequisites[0].flag', /rest on itself/],
  [
    { enabled: true, prerequisites: [{ flag: 'above' }] },
    'prerequisites[0].flag',
    /rest on itself, directly or through others/,
  ],
  [
    { enabled: true, prerequisites: [{ flag: 'bas' }] },
    'prerequisites[0].flag',
    /received "bas", did you mean "base"/,
  ],
  [
    { enabled: true, prerequisites: [{ flag: 'theme' }] },
    'prerequisites[0].variants[0]',
    /one of the variants, received "on"/,
  ],
  [
    { enabled: true, prerequisites: [{ flag: 'base' }, { flag: 'base', variants: ['off'] }] },
    'prerequisites[1]',
    /twice/,
  ],
  [{ enabled: true, startsAt: '2026-01-01T00:00:00' }, 'startsAt', /offset or Z/],
  [{ enabled: true, endsAt: '2026-02-30T00:00:00Z' }, 'endsAt', /offset or Z/],
  [
    { enabled: true, startsAt: '2026-01-01T01:00:00+01:00', endsAt: '2026-01-01T00:00:00Z' },
    'endsAt',
    /after startsAt/,
  ],
  [
    { enabled: true, bucketing: { algorithm: 'sha256', version: 2, salt: 'a' } },
    'bucketing',
    /sha256 version 1, murmur3 version 2/,
  ],
  [
    { enabled: true, bucketing: { algorithm: 'sha256', version: 1 } },
    'bucketing.salt',
    /well-formed text of at most 256/,
  ],
  [{ enabled: true, strict: {} }, 'strict.withinSeconds', /1 to 3600, received undefined/],
  [
    { enabled: true, strict: { withinSeconds: 5, otherwise: 'no' } },
    'strict.otherwise',
    /one of the variants/,
  ],
  [{ enabled: true, description: 'a'.repeat(2001) }, 'description', /2000/],
  [{ enabled: true, metadata: { a: {} } }, 'metadata.a', /received object/],
  [
    { enabled: true, variants: { on: 'a'.repeat(256 * 1024) } },
    '',
    /at most 262144 bytes of JSON, received/,
  ],
]

for (const [definition, path, reason] of refused) {
  // As JSON, since the name of a test must be well-formed text.
  test(`refuses at ${JSON.stringify(path)} what ${String(reason)}`, () => {
    const faults = validateFlag('beta', definition, known)
    expect(faults).toMatchObject([{ reason: expect.stringMatching(reason) as string }])
    expect(faults[0]?.path).toBe(path)
  })
}

const refusedConditions: readonly [condition: unknown, path: string, reason: RegExp][] = [
  [undefined, 'when', /a condition, received undefined/],
  [{}, 'when', /one of all, any, not, segment, op, received none/],
  [{ not: condition, segment: 'staff' }, 'when', /received several/],
  [{ ...condition, extra: 1 }, 'when.extra', /not known/],
  [{ all: [] }, 'when.all', /a list of 1 to 1000, received a list of 0/],
  [{ any: [condition, 1] }, 'when.any[1]', /a condition, received 1/],
  [{ segment: 'staf' }, 'when.segment', /received "staf", did you mean "staff"/],
  [{ segment: '__proto__' }, 'when.segment', /a segment that is there/],
  [{ ...condition, op: 'equals' }, 'when.op', /must be one of eq, in/],
  [{ ...condition, op: 'start_with' }, 'when.op', /did you mean "starts_with"/],
  [{ ...condition, op: 'constructor' }, 'when.op', /must be one of/],
  [{ ...condition, attribute: '' }, 'when.attribute', /1 to 128 characters/],
  [{ ...condition, attribute: '$today' }, 'when.attribute', /\$now/],
  [{ ...condition, value: null }, 'when.value', /true, false, text or a number, received null/],
  [{ ...condition, op: 'in', value: 'pro' }, 'when.value', /a list/],
  [{ ...condition, op: 'in', value: [true] }, 'when.value[0]', /text or a number/],
  [{ ...condition, op: 'in', value: ['a', 'a'] }, 'when.value[1]', /twice/],
  [{ ...condition, op: 'lt', value: '5' }, 'when.value', /a number, received string/],
  [{ ...condition, op: 'contains', value: ['a', ''] }, 'when.value[1]', /at least 1 character/],
  [{ ...condition, op: 'semver_lt', value: 'v1.2.3' }, 'when.value', /Semantic Versioning/],
  [{ ...condition, op: 'before', value: 0 }, 'when.value', /ISO 8601/],
  [{ ...condition, op: 'cidr', value: ['10.0.0.0/33'] }, 'when.value[0]', /a network/],
  [{ ...condition, op: 'exists', value: false }, 'when.value', /true, received false/],
]

test.for(refusedConditions)('refuses the condition %j at %s', ([when, path, reason]) => {
  expect(validateSegment('own', { when }, known)).toEqual([
    { path, reason: expect.stringMatching(reason) as string },
  ])
})

test('refuses conditions that are nested too deep', () => {
  const nest = (levels: number): unknown => (levels === 1 ? condition : { not: nest(levels - 1) })
  expect(validateSegment('own', { when: nest(16) })).toEqual([])
  expect(validateSegment('own', { when: nest(17) })).toEqual([
    { path: `when${'.not'.repeat(16)}`, reason: 'must not be nested deeper than 16' },
  ])
})

test('refuses a segment that rests on itself', () => {
  const path = 'when.segment'
  expect(validateSegment('own', { when: { segment: 'own' } })).toMatchObject([{ path }])
  expect(validateSegment('staff', { when: { segment: 'everyone' } }, known)).toMatchObject([
    { path, reason: 'must not rest on itself, directly or through others' },
  ])
})

test('refuses a chain that is too long', () => {
  const flags = Object.fromEntries(
    Array.from({ length: 17 }, (_, i) => [
      `flag${i}`,
      { enabled: true, prerequisites: i === 0 ? [] : [{ flag: `flag${i - 1}` }] },
    ]),
  )
  const restingOn = (flag: string) =>
    validateFlag('own', { enabled: true, prerequisites: [{ flag }] }, { flags })
  expect(restingOn('flag14')).toEqual([])
  expect(restingOn('flag15')).toMatchObject([{ reason: 'must not begin a chain of more than 16' }])
})

test.for([
  ['empty', ''],
  ['too long', 'a'.repeat(129)],
  ['not well-formed', 'a\ud800'],
] as const)('refuses a name that is %s', ([, name]) => {
  expect(validateFlag(name, { enabled: true })).toMatchObject([{ path: 'name' }])
  expect(validateSegment(name, { when: condition })).toMatchObject([{ path: 'name' }])
})

test('does not look up other definitions where none are known', () => {
  const definition = {
    enabled: true,
    prerequisites: [{ flag: 'somewhere' }],
    rules: [{ when: { segment: 'some' }, variant: 'on' }],
  }
  expect(validateFlag('beta', definition)).toEqual([])
})

test('reports every fault', () => {
  const faults = validateFlag('beta', {
    enabled: 1,
    percentage: 101,
    rules: [{ when: { any: [{}, { segment: '' }] }, variant: 'x' }],
  })
  expect(faults.map(({ path }) => path)).toEqual([
    'enabled',
    'percentage',
    'rules[0].when.any[0]',
    'rules[0].when.any[1].segment',
    'rules[0].variant',
  ])
})

test('names no user and no value of a condition in a reason', () => {
  const secret = 'ada@example.com'
  const faults = validateFlag('beta', {
    enabled: true,
    allow: [secret, secret, { secret }],
    rules: [
      { when: { attribute: 'userId', op: 'lt', value: secret }, variant: 'on' },
      { when: { attribute: 'userId', op: 'in', value: [secret, secret, [secret]] }, variant: 'on' },
    ],
  })
  expect(faults).toHaveLength(5)
  expect(JSON.stringify(faults)).not.toContain(secret)
})

test('does not follow what holds itself twice for long', () => {
  const twice: Record<string, unknown> = { enabled: true }
  twice.a = [twice, twice]
  expect(validateFlag('beta', twice)).toMatchObject([
    { reason: 'must not be nested deeper than 64' },
  ])
  let shared: unknown = []
  for (let i = 0; i < 40; i++) shared = [shared, shared]
  expect(validateFlag('beta', { enabled: true, variants: { on: shared } })).toEqual([
    { path: '', reason: 'must be at most 100000 values' },
  ])
})

test('survives getters that throw', () => {
  const definition = {
    enabled: true,
    get rules(): unknown {
      throw new Error('no')
    },
  }
  expect(validateFlag('beta', definition)).toEqual([{ path: '', reason: 'must be JSON' }])
})
