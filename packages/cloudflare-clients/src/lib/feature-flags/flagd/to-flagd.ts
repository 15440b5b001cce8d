import type { FlagFault } from '../flag-authority-calls.ts'
import type { FlagRule, FlagShare } from '../flag-definition.ts'
import type { FlagRuleset, StoredFlag } from '../flag-ruleset.ts'
import { parseTime } from '../iso-time.ts'
import { murmur3Bucketing } from '../murmur3-bucketing.ts'
import { cannot, type FlagdDocument, FlagdFaultError, type FlagdFlag } from './flagd-document.ts'
import { type Logic, targetingKey, toLogic, toTimeReached, toVariable } from './to-flagd-logic.ts'

export interface FlagdExport {
  /** Valid by flagd's schema. Flags that would answer differently there are not in it. */
  readonly document: FlagdDocument
  /** What could not be carried over, and why: `flags.beta.bucketing`. */
  readonly faults: readonly FlagFault[]
}

/**
 * Writes flags for flagd, which gives everybody the same values.
 *
 * - Shares are carried over where users are spread by `murmur3`, version 2, which is flagd's own. `sha256` is not, because everybody would be spread anew.
 * - A flag that is not enabled becomes one that gives its off value to everybody, as flagd knows no off value. Its rules stay behind.
 * - Strictness stays behind, with a fault. So do, without one, the ids of rules and versions. A description becomes metadata.
 * - Not carried over: prerequisites, `cidr`, `before` and `after` on anything but `$now`, arrays as values, times that are no whole seconds.
 * - Attributes are compared as they are, but to flagd the text `"5"` is a number too, and it ends with an error where it finds a number for `contains`.
 *
 * @returns Never throws.
 *
 * @example
 * ```ts
 * import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
 * import { toFlagd } from '@codex/cloudflare-clients/openfeature'
 *
 * const flags = new FlagReader(env.FLAGS_KV)
 * await flags.ready()
 * const ruleset = flags.getRuleset()
 * if (ruleset !== null) console.log(JSON.stringify(toFlagd(ruleset).document))
 * ```
 */
export function toFlagd({ flags, segments = {} }: FlagRuleset): FlagdExport {
  const faults: FlagFault[] = []
  const translate = <In, Out>(
    kind: string,
    parts: Readonly<Record<string, In>>,
    toOut: (part: In, path: string, name: string) => Out,
  ): Readonly<Record<string, Out>> =>
    Object.fromEntries(
      Object.entries(parts).flatMap(([name, part]): [string, Out][] => {
        try {
          return [[name, toOut(part, `${kind}.${name}`, name)]]
        } catch (error) {
          if (!(error instanceof FlagdFaultError)) throw error
          faults.push({ path: error.path, reason: error.message })
          return []
        }
      }),
    )
  const translated = translate('segments', segments, ({ when }, path) =>
    toLogic(when, `${path}.when`),
  )
  const evaluators = withoutDangling(translated, faults)
  const exported = translate('flags', flags, (flag, path, name) => {
    const missing = findMissing(flag.rules, evaluators)
    if (missing !== undefined) return cannot(`${path}.rules`, `rest on the segment ${missing}`)
    const toExport = toFlag(flag, path, name)
    if (flag.strict !== undefined)
      faults.push({ path: `${path}.strict`, reason: 'is left out: flagd has no bound for changes' })
    return toExport
  })
  return {
    document: {
      $schema: 'https://flagd.dev/schema/v0/flags.json',
      flags: exported,
      ...(Object.keys(evaluators).length > 0 && { $evaluators: evaluators }),
    },
    faults,
  }
}

/** Without those that rest on a segment that is not there, until all do rest on some. */
function withoutDangling(
  evaluators: Readonly<Record<string, Logic>>,
  faults: FlagFault[],
): Readonly<Record<string, Logic>> {
  for (const [name, logic] of Object.entries(evaluators)) {
    const missing = findMissing(logic, evaluators)
    if (missing === undefined) continue
    faults.push({ path: `segments.${name}`, reason: `rests on the segment ${missing}` })
    const { [name]: _, ...others } = evaluators
    return withoutDangling(others, faults)
  }
  return evaluators
}

/** @returns The name of a segment that something refers to and that is none of these. */
function findMissing(
  part: unknown,
  evaluators: Readonly<Record<string, Logic>>,
): string | undefined {
  if (typeof part !== 'object' || part === null) return undefined
  for (const [field, value] of Object.entries(part)) {
    const isName = (field === 'segment' || field === '$ref') && typeof value === 'string'
    if (isName && !Object.hasOwn(evaluators, value)) return value
    const inner = findMissing(value, evaluators)
    if (inner !== undefined) return inner
  }
  return undefined
}

/** A variant's name, `null` for the caller's default, or a `fractional`. */
type Served = Logic

interface FlagParts {
  readonly key: string
  readonly path: string
  readonly flag: StoredFlag
  readonly on: string | null
  readonly off: string | null
}

function toFlag(flag: StoredFlag, path: string, key: string): FlagdFlag {
  const variants = flag.variants ?? { on: true, off: false }
  if (Object.values(variants).some((value) => Array.isArray(value)))
    return cannot(`${path}.variants`, 'must not be arrays')
  const named = (given: string | null | undefined, byDefault: string): string | null =>
    given !== undefined ? given : Object.hasOwn(variants, byDefault) ? byDefault : null
  const on = named(flag.onVariant, 'on')
  const parts: FlagParts = { key, path, flag, on, off: named(flag.offVariant, 'off') }
  const { description } = flag
  const metadata = { ...(description !== undefined && { description }), ...flag.metadata }
  return {
    state: 'ENABLED',
    variants,
    ...toServed(parts),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
}

function toServed(parts: FlagParts): Pick<FlagdFlag, 'defaultVariant' | 'targeting'> {
  const choices = parts.flag.enabled ? toChoices(parts) : []
  const last = parts.flag.enabled ? toLast(parts) : parts.off
  const served = [...choices.map(([, one]) => one), last]
  // Where nobody is given, `null` is: so the default has to be the caller's.
  const hasDefault = served.every((one) => typeof one === 'string')
  const branches = choices.flat()
  if (hasDefault)
    return {
      defaultVariant: last as string,
      ...(branches.length > 0 && { targeting: { if: [...branches, null] } }),
    }
  if (branches.length === 0) return last === null ? {} : { targeting: toRoot(last) }
  return { targeting: { if: [...branches, last] } }
}

/** Targeting has to be an object. */
function toRoot(served: Served): Logic {
  return typeof served === 'string' ? { if: [true, served] } : served
}

/** In the order in which a flag decides. */
function toChoices(parts: FlagParts): readonly (readonly [condition: Logic, served: Served])[] {
  const { flag, path, on, off } = parts
  const { startsAt, endsAt, prerequisites = [], block = [], allow = [], rules = [] } = flag
  if (prerequisites.length > 0) return cannot(`${path}.prerequisites`, 'are nothing that flagd has')
  const reached = (time: string, field: string): Logic =>
    toTimeReached(parseTime(time) ?? NaN, `${path}.${field}`)
  return [
    ...(startsAt === undefined ? [] : [[{ '!': [reached(startsAt, 'startsAt')] }, off] as const]),
    ...(endsAt === undefined ? [] : [[reached(endsAt, 'endsAt'), off] as const]),
    ...(block.length === 0 ? [] : [[{ in: [targetingKey, block] }, off] as const]),
    ...(allow.length === 0 ? [] : [[{ in: [targetingKey, allow] }, on] as const]),
    ...rules.map((rule, i) => {
      const at = `${path}.rules[${i}]`
      return [toLogic(rule.when, `${at}.when`), toRuleServed(rule, at, parts)] as const
    }),
  ]
}

function toLast(parts: FlagParts): Served {
  const { flag, path, on } = parts
  const { percentage, split, defaultVariant = on } = flag
  if (percentage === undefined && split === undefined) return defaultVariant
  return toShares({ percentage, split }, path, parts)
}

function toRuleServed(rule: FlagRule, path: string, parts: FlagParts): Served {
  return rule.variant ?? toShares(rule, path, parts)
}

function toShares(
  {
    percentage,
    split,
  }: {
    readonly percentage?: number | undefined
    readonly split?: readonly FlagShare[] | undefined
  },
  path: string,
  { key, flag, on, off, path: flagPath }: FlagParts,
): Served {
  const onWeight = Math.round((percentage ?? 0) * 100)
  const shares: readonly (readonly [variant: string | null, weight: number])[] =
    split === undefined
      ? [
          [on, onWeight],
          [off, 10_000 - onWeight],
        ]
      : toWholeWeights(split, `${path}.split`)
  const open = shares.filter(([, weight]) => weight > 0)
  const [only] = open
  if (open.length === 1 && only !== undefined) return only[0]

  const { algorithm, version, salt = key, by = 'userId' } = flag.bucketing ?? {}
  if (algorithm !== murmur3Bucketing.name || version !== murmur3Bucketing.version)
    return cannot(
      `${flagPath}.bucketing`,
      'must be murmur3, version 2, which is how flagd spreads users',
    )
  const variable = toVariable(by, `${flagPath}.bucketing.by`)
  // The key and the targeting key, which is what flagd does without being told.
  if (by === 'userId' && salt === key) return { fractional: open }
  const isThere = [null, '', true, false].map((none) => ({ '!==': [variable, none] }))
  return { if: [{ and: isThere }, { fractional: [{ cat: [salt, variable] }, ...open] }, null] }
}

function toWholeWeights(
  split: readonly FlagShare[],
  path: string,
): readonly (readonly [string, number])[] {
  for (let factor = 1; factor <= 1_000_000; factor *= 10) {
    const weights = split.map(({ weight }) => weight * factor)
    const sum = weights.reduce((total, weight) => total + weight, 0)
    if (sum <= 2 ** 21 && weights.every((weight) => Math.abs(weight - Math.round(weight)) < 1e-9))
      return split.map(({ variant }, i) => [variant, Math.round(weights[i] ?? 0)])
  }
  return cannot(path, 'must have weights that are whole numbers in relation to each other')
}
