import type { FlagDefinition } from '@codex/cloudflare-clients/feature-flags'
import type { FeatureDefinition } from '@growthbook/growthbook'

/** Who asks, in everybody's words. */
export interface EvaluationUser {
  readonly id: string
  readonly attributes: Readonly<Record<string, string | number>>
}

/** One flag, as each library has it. */
export interface EvaluationCase {
  readonly name: string
  readonly ours: FlagDefinition
  /** The `targeting` of flagd. Absent: there is none. */
  readonly flagd?: unknown
  readonly growthBook: FeatureDefinition
  /** They take turns. */
  readonly users: readonly EvaluationUser[]
  /** Who gets `true`. `null`: a share of them, other ones with each library. */
  readonly expected: ((user: EvaluationUser) => boolean) | null
}

const userCount = 256

const listed = Array.from({ length: 1000 }, (_, index) => `user-${index * 7}`)

const windowStartMs = Date.UTC(2026, 0, 1)
const windowEndMs = Date.UTC(2036, 0, 1)

const plans = ['free', 'team', 'business', 'school', 'agency'] as const
const countries = ['NL', 'SG', 'BR', 'US', 'KE', 'FI']

/** A plan, one of three countries, and at least some seats. */
const rules = plans.map((plan, index) => ({
  plan,
  countries: [0, 1, 2].map((offset) => countries[(index + offset) % countries.length] ?? ''),
  seats: 5 + index * 10,
}))

function createUsers(
  attributes: (index: number) => EvaluationUser['attributes'],
  id: (index: number) => string = (index) => `user-${index * 13}`,
): readonly EvaluationUser[] {
  return Array.from({ length: userCount }, (_, index) => ({
    id: id(index),
    attributes: attributes(index),
  }))
}

const noAttributes = (): EvaluationUser['attributes'] => ({})

export const evaluationCases: readonly EvaluationCase[] = [
  {
    name: 'fixed value',
    ours: { enabled: true },
    growthBook: { defaultValue: true },
    users: createUsers(noAttributes),
    expected: () => true,
  },
  {
    name: 'list of 1,000 ids',
    ours: { enabled: true, allow: listed, defaultVariant: 'off' },
    flagd: { if: [{ in: [{ var: 'targetingKey' }, listed] }, 'on', 'off'] },
    growthBook: {
      defaultValue: false,
      rules: [{ condition: { id: { $in: listed } }, force: true }],
    },
    // Half of them are in the list, from its beginning to its end.
    users: createUsers(noAttributes, (index) =>
      index % 2 === 0 ? (listed[(index * 31) % listed.length] ?? '') : `guest-${index}`,
    ),
    expected: ({ id }) => listed.includes(id),
  },
  {
    name: 'time window',
    ours: {
      enabled: true,
      startsAt: new Date(windowStartMs).toISOString(),
      endsAt: new Date(windowEndMs).toISOString(),
    },
    flagd: {
      if: [
        {
          and: [
            { '>=': [{ var: '$flagd.timestamp' }, windowStartMs / 1000] },
            { '<': [{ var: '$flagd.timestamp' }, windowEndMs / 1000] },
          ],
        },
        'on',
        'off',
      ],
    },
    // It has no time of its own in a condition: the caller hands it in.
    growthBook: {
      defaultValue: false,
      rules: [{ condition: { now: { $gte: windowStartMs, $lt: windowEndMs } }, force: true }],
    },
    users: createUsers(noAttributes),
    expected: () => true,
  },
  {
    name: '5 rules of 3 conditions',
    ours: {
      enabled: true,
      defaultVariant: 'off',
      rules: rules.map(({ plan, countries: in_, seats }) => ({
        when: {
          all: [
            { attribute: 'plan', op: 'eq', value: plan },
            { attribute: 'country', op: 'in', value: in_ },
            { attribute: 'seats', op: 'gte', value: seats },
          ],
        },
        variant: 'on',
      })),
    },
    flagd: {
      if: [
        ...rules.flatMap(({ plan, countries: in_, seats }) => [
          {
            and: [
              { '==': [{ var: 'plan' }, plan] },
              { in: [{ var: 'country' }, in_] },
              { '>=': [{ var: 'seats' }, seats] },
            ],
          },
          'on',
        ]),
        'off',
      ],
    },
    growthBook: {
      defaultValue: false,
      rules: rules.map(({ plan, countries: in_, seats }) => ({
        condition: { plan, country: { $in: in_ }, seats: { $gte: seats } },
        force: true,
      })),
    },
    users: createUsers((index) => ({
      plan: plans[index % plans.length] ?? '',
      country: countries[(index * 5) % countries.length] ?? '',
      seats: (index * 11) % 97,
    })),
    expected: ({ attributes }) =>
      rules.some(
        ({ plan, countries: in_, seats }) =>
          attributes.plan === plan &&
          in_.includes(String(attributes.country)) &&
          Number(attributes.seats) >= seats,
      ),
  },
  {
    name: '10 % of users',
    ours: { enabled: true, percentage: 10 },
    flagd: {
      fractional: [
        ['on', 10],
        ['off', 90],
      ],
    },
    growthBook: {
      defaultValue: false,
      rules: [{ force: true, coverage: 0.1, hashAttribute: 'id', hashVersion: 2 }],
    },
    users: createUsers(noAttributes),
    expected: null,
  },
]
