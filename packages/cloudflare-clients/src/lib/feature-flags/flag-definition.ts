/** What a variant gives. All variants of a flag are of one type: boolean, string, number, or JSON (an object or an array). */
export type FlagValue = boolean | string | number | FlagJson
export type FlagJson = Readonly<Record<string, unknown>> | readonly unknown[]
export type FlagType = 'boolean' | 'string' | 'number' | 'json'

/** A flag as it is stored, and as `setFlag` takes it. Absent fields have their defaults; unknown ones are refused when written. */
export interface FlagDefinition {
  /** The main switch: `false` gives the off value to everybody. */
  readonly enabled: boolean
  /** Values by name. Default `{ on: true, off: false }`. */
  readonly variants?: Readonly<Record<string, FlagValue>>
  /** What allowed users and the percentage get. Default `on`, where there is such a variant. `null` here and below: the caller's default. */
  readonly onVariant?: string | null
  /**
   * What everybody gets while the flag is off: not enabled, outside its time, blocked, its prerequisites not met, not in the percentage.
   * Default `off` where there is such a variant; otherwise the caller's default.
   */
  readonly offVariant?: string | null
  /** Who is in no list and matches no rule gets this, where there is no `percentage` and no `split`. Default: `onVariant`; otherwise the caller's default. */
  readonly defaultVariant?: string | null
  /** User ids that get `onVariant`, whatever the rules and percentages. `block` goes before. */
  readonly allow?: readonly string[]
  /** User ids that get the off value. */
  readonly block?: readonly string[]
  /** The share of all others that gets `onVariant`, from 0 to 100 in steps of 0.01. The rest gets the off value. Not beside `split`. */
  readonly percentage?: number
  /** Shares of all others by weight. Raising the first weight, in relation to the sum, only adds users to the first variant. */
  readonly split?: readonly FlagShare[]
  /** In this order; the first whose condition holds decides. */
  readonly rules?: readonly FlagRule[]
  /** Flags that must give one of these variants first. */
  readonly prerequisites?: readonly FlagPrerequisite[]
  /** On from then: ISO 8601 with an offset or `Z`. */
  readonly startsAt?: string
  /** Off from then. */
  readonly endsAt?: string
  /** By what users are spread. Stored by the writer where it is absent, so that neither a rename nor a new default moves anybody. */
  readonly bucketing?: FlagBucketing
  /** Confirmed with the authority: a change is seen everywhere within the bound. */
  readonly strict?: FlagStrictness
  readonly description?: string
  /** Handed out with each answer. */
  readonly metadata?: FlagMetadata
}

export type FlagMetadata = Readonly<Record<string, boolean | string | number>>

export interface FlagShare {
  readonly variant: string
  /** In relation to the sum of all, from 0. */
  readonly weight: number
}

/** Exactly one of `variant`, `percentage` and `split`. */
export interface FlagRule {
  /** To find it in an answer. Default: its number, from 0. */
  readonly id?: string
  readonly when: FlagCondition
  readonly variant?: string
  readonly percentage?: number
  readonly split?: readonly FlagShare[]
}

export interface FlagPrerequisite {
  readonly flag: string
  /** Default `['on']`. */
  readonly variants?: readonly string[]
}

export interface FlagBucketing {
  /** `sha256` is built in; others are handed to the reader. */
  readonly algorithm: string
  /** Of the algorithm. */
  readonly version: number
  /** What is hashed beside the user. Default of the writer: the flag's name. */
  readonly salt: string
  /** The attribute that is hashed. Default `userId`. */
  readonly by?: string
}

export interface FlagStrictness {
  /** How old the authority's word may be, in seconds from 1 to 3,600. */
  readonly withinSeconds: number
  /** What is given while the authority cannot be asked for that long. Default: what was last known, with reason `STALE`. */
  readonly otherwise?: string
}

/** Attributes are the context's own `attributes`; `userId` is the user, `$now` the time in epoch ms. `a.b` reaches into objects. */
export type FlagCondition =
  | { readonly all: readonly FlagCondition[] }
  | { readonly any: readonly FlagCondition[] }
  | { readonly not: FlagCondition }
  /** A segment of the ruleset, by name. */
  | { readonly segment: string }
  | FlagComparison

/**
 * Compares an attribute. Where it is missing, or of another type, no comparison holds, so that `not` of one does.
 *
 * | operators                         | attribute                    | value                                            |
 * | --------------------------------- | ---------------------------- | ------------------------------------------------ |
 * | `eq`                              | boolean, string or number    | the same                                         |
 * | `in`                              | string or number, or a list of them, of which one is enough | a list            |
 * | `lt` `lte` `gt` `gte`             | number                       | number                                           |
 * | `starts_with` `ends_with` `contains` | string (`contains`: or a list) | string, or a list of which one is enough    |
 * | `semver_eq` `semver_lt` `semver_lte` `semver_gt` `semver_gte` | version, Semantic Versioning 2.0.0 | version       |
 * | `before` `after`                  | ISO 8601, or epoch ms        | ISO 8601 with an offset or `Z`                   |
 * | `cidr`                            | IPv4 or IPv6 address         | a network, or a list of which one is enough      |
 * | `exists`                          | anything but null            | `true`                                           |
 *
 * A reader knows `semver_*` and `cidr` where it is handed `semverOperators` and `cidrOperators`.
 */
export interface FlagComparison {
  readonly attribute: string
  readonly op: FlagOperator
  readonly value: unknown
}

export type FlagOperator =
  | 'eq'
  | 'in'
  | 'lt'
  | 'lte'
  | 'gt'
  | 'gte'
  | 'starts_with'
  | 'ends_with'
  | 'contains'
  | 'semver_eq'
  | 'semver_lt'
  | 'semver_lte'
  | 'semver_gt'
  | 'semver_gte'
  | 'before'
  | 'after'
  | 'cidr'
  | 'exists'

/** A condition with a name, for many flags. */
export interface FlagSegment {
  readonly when: FlagCondition
  readonly description?: string
}
