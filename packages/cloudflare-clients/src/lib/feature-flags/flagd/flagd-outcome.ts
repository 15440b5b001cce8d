import type { FlagBucketing, FlagCondition, FlagShare } from '../flag-definition.ts'
import { murmur3Bucketing } from '../murmur3-bucketing.ts'
import {
  all,
  any,
  compare,
  type Condition,
  isRule,
  isText,
  not,
  readRule,
  type RuleScope,
  toCondition,
  toInnerScope,
  toOperand,
  toWhole,
} from './flagd-condition.ts'
import { cannot } from './flagd-document.ts'

/** What a rule gives: a variant, shares, or (`null`) the flag's default. */
export type Outcome =
  | { readonly variant: string }
  | { readonly split: readonly FlagShare[]; readonly bucketing: FlagBucketing }
  | null

/** The first whose condition holds decides; the last one always does. */
export interface Branch {
  readonly when: Condition
  readonly outcome: Outcome
}

export interface OutcomeScope extends RuleScope {
  readonly flagKey: string
  readonly variants: ReadonlySet<string>
  readonly defaultVariant?: string
}

/** flagd's own, too; and within this our shares are exact. */
const maxWeight = 2 ** 21
const comparisons = ['==', '===', '!=', '!==', '<', '<=', '>', '>=', 'in', '!', '!!']

/** Turns JSONLogic in the place of a variant's name into what gives that variant. */
export function toBranches(logic: unknown, path: string, scope: OutcomeScope): readonly Branch[] {
  if (!isRule(logic)) return [{ when: true, outcome: toVariantOutcome(logic, path, scope) }]
  const [operator, operands] = readRule(logic, path)
  const at = `${path}.${operator}`
  if (operator === 'if') return toChoiceBranches(operands, at, scope)
  if (operator === 'fractional') return toFractionalBranches(operands, at, scope)
  if (operator === '$ref') {
    const { rule, scope: inner } = scope.toRule(String(operands[0]), path)
    return toBranches(rule, `$evaluators.${String(operands[0])}`, { ...scope, ...inner })
  }
  return toTruthBranches(logic, path, scope)
}

function toVariantOutcome(value: unknown, path: string, { variants }: OutcomeScope): Outcome {
  if (value === null || value === undefined) return null
  const variant = toText(value)
  return variants.has(variant)
    ? { variant }
    : cannot(path, 'must be the name of one of the variants')
}

function toChoiceBranches(
  operands: readonly unknown[],
  path: string,
  scope: OutcomeScope,
): readonly Branch[] {
  if (operands.length < 2) return cannot(path, 'must have two operands at least')
  const branches: Branch[] = []
  for (let i = 0; i < operands.length; i += 2) {
    const isLast = i === operands.length - 1
    const condition = isLast || toCondition(operands[i], `${path}[${i}]`, scope)
    const then = isLast ? i : i + 1
    for (const { when, outcome } of toBranches(operands[then], `${path}[${then}]`, scope))
      branches.push({ when: all([condition, when]), outcome })
  }
  return [...branches, { when: true, outcome: null }]
}

/** A comparison in the place of a variant: `true` and `false` are the variants, and nothing is the default. */
function toTruthBranches(
  logic: Readonly<Record<string, unknown>>,
  path: string,
  scope: OutcomeScope,
): readonly Branch[] {
  const [operator, operands] = readRule(logic, path)
  const isText = operator === 'starts_with' || operator === 'ends_with'
  if (!isText && operator !== 'sem_ver' && !comparisons.includes(operator))
    return cannot(path, 'must give a variant in a way that flags here have')
  const when = toCondition(logic, path, scope)
  const isTrue = { when, outcome: toVariantOutcome(true, path, scope) }
  const isFalse = { when: true, outcome: toVariantOutcome(false, path, scope) }
  if (comparisons.includes(operator)) return [isTrue, isFalse]
  // What is no text, or no version, is nothing to flagd, and not false.
  const isRead = isText
    ? toCondition({ starts_with: [operands[0], ''] }, path, scope)
    : not(
        all([
          not(toCondition({ sem_ver: [operands[0], '<', '0.0.0'] }, path, scope)),
          not(toCondition({ sem_ver: [operands[0], '>=', '0.0.0'] }, path, scope)),
        ]),
      )
  return [isTrue, { ...isFalse, when: isRead }, { when: true, outcome: null }]
}

function toFractionalBranches(
  operands: readonly unknown[],
  path: string,
  scope: OutcomeScope,
): readonly Branch[] {
  const choice = hoistChoice(operands)
  if (choice !== null) return toBranches(choice, path, toInnerScope(scope, path))
  const [first, ...others] = operands
  const hasUnit = isRule(first)
  const buckets = (hasUnit ? others : operands).map((bucket, i) =>
    toBucket(bucket, `${path}[${hasUnit ? i + 1 : i}]`, scope),
  )
  const sum = buckets.reduce((total, { weight }) => total + weight, 0)
  if (sum > maxWeight) return cannot(path, `must not have weights over ${maxWeight} together`)
  const open = buckets.filter(({ weight }) => weight > 0)
  if (open.length === 0) return [{ when: true, outcome: null }]

  const unit = hasUnit ? toUnit(first, `${path}[0]`, scope) : toDefaultUnit(scope)
  const split = open.map(({ variant, weight }) => ({
    variant:
      variant ??
      scope.defaultVariant ??
      cannot(path, 'must give variants, as there is no default variant'),
    weight,
  }))
  const spread: Branch = { when: unit.isThere, outcome: { split, bucketing: unit.bucketing } }
  // Those whose text is no attribute's own are all alike.
  const fixed = unit.fixed.map(([when, text]) => ({
    when,
    outcome: { variant: pick(split, murmur3Bucketing.toShare(text, unit.bucketing.salt)) },
  }))
  return [spread, ...fixed, { when: true, outcome: null }]
}

/** An `if` inside of a bucket, as an `if` of two fractionals. */
function hoistChoice(operands: readonly unknown[]): unknown {
  for (const [i, bucket] of operands.entries()) {
    if (!Array.isArray(bucket)) continue
    for (const [j, part] of bucket.entries()) {
      if (!isRule(part) || !Array.isArray(part.if)) continue
      const replace = (value: unknown): unknown => ({
        fractional: operands.with(i, bucket.with(j, value)),
      })
      const parts: readonly unknown[] = part.if
      const whole = parts.length % 2 === 0 ? [...parts, j === 0 ? null : 1] : parts
      return {
        if: whole.map((value, k) =>
          k % 2 === 1 || k === whole.length - 1 ? replace(value) : value,
        ),
      }
    }
  }
  return null
}

interface Bucket {
  /** `null`: the default. */
  readonly variant: string | null
  readonly weight: number
}

function toBucket(bucket: unknown, path: string, scope: OutcomeScope): Bucket {
  if (!Array.isArray(bucket) || bucket.length === 0 || bucket.length > 2)
    return cannot(path, 'must be a variant and a weight')
  const [name, weight = 1] = bucket as readonly unknown[]
  if (isRule(name)) return cannot(`${path}[0]`, 'must be the name of a variant')
  if (!Number.isInteger(weight)) return cannot(`${path}[1]`, 'must be a whole number')
  const outcome = toVariantOutcome(name, `${path}[0]`, scope)
  // As flagd does, in whose documents weights may be computed.
  return {
    variant: outcome !== null && 'variant' in outcome ? outcome.variant : null,
    weight: Math.max(0, weight as number),
  }
}

interface Unit {
  readonly bucketing: FlagBucketing
  /** Where there is something to spread by. */
  readonly isThere: Condition
  /** Where the text is always the same. */
  readonly fixed: readonly (readonly [when: Condition, text: string])[]
}

/** The flag's key and the targeting key. */
function toDefaultUnit({ flagKey }: OutcomeScope): Unit {
  return {
    bucketing: toBucketing('userId', flagKey),
    isThere: all([compare('userId', 'exists', true), not(compare('userId', 'eq', ''))]),
    fixed: [],
  }
}

function toUnit(logic: Readonly<Record<string, unknown>>, path: string, scope: OutcomeScope): Unit {
  const [operator, operands] = readRule(logic, path)
  if (operator !== 'cat') {
    const operand = toOperand(logic, path, scope)
    if (operand.kind !== 'attribute') return cannot(path, 'must spread by an attribute')
    const isEmpty = compare(operand.name, 'eq', '')
    return {
      bucketing: toBucketing(operand.name, ''),
      isThere: all([isText(operand.name), not(isEmpty)]),
      fixed: [[isEmpty, '']],
    }
  }
  const parts = operands.map((operand, i) => toOperand(operand, `${path}.cat[${i}]`, scope))
  const last = parts.pop()
  if (last?.kind !== 'attribute') return cannot(path, 'must end with an attribute')
  const salt = parts
    .map((part) =>
      part.kind === 'constant' ? toText(part.value) : cannot(path, 'must have one attribute only'),
    )
    .join('')
  const { name } = last
  const fixed = [
    [any([not(compare(name, 'exists', true)), compare(name, 'eq', '')]), ''],
    [compare(name, 'eq', true), 'true'],
    [compare(name, 'eq', false), 'false'],
  ] as const
  return {
    bucketing: toBucketing(name, salt),
    isThere: all(fixed.map(([when]) => not(when))),
    fixed,
  }
}

function toText(value: unknown): string {
  return ['boolean', 'string', 'number'].includes(typeof value) ? String(value) : ''
}

function toBucketing(attribute: string, salt: string): FlagBucketing {
  const { name, version } = murmur3Bucketing
  return {
    algorithm: name,
    version,
    salt,
    ...(attribute !== 'userId' && { by: attribute }),
  }
}

function pick(split: readonly FlagShare[], share: number): string {
  const sum = split.reduce((total, { weight }) => total + weight, 0)
  let end = 0
  for (const { variant, weight } of split) {
    end += weight
    if (share * sum < end) return variant
  }
  return ''
}

/** A rule for each branch that gives something. Those before it that give the default are excluded by its condition. */
export function toRules(
  branches: readonly Branch[],
): readonly { readonly when: FlagCondition; readonly outcome: NonNullable<Outcome> }[] {
  const rules: { when: FlagCondition; outcome: NonNullable<Outcome> }[] = []
  const excluded: Condition[] = []
  for (const { when, outcome } of branches) {
    if (when === false) continue
    if (outcome === null) {
      if (when === true) break
      excluded.push(not(when))
      continue
    }
    const whole = all([when, ...excluded])
    if (whole === false) continue
    rules.push({ when: toWhole(whole), outcome })
    if (when === true) break
  }
  return rules
}
