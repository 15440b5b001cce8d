import type { BucketingAlgorithm } from './bucketing.ts'
import { compileCondition, type ConditionSurroundings } from './compile-condition.ts'
import { compileServe, compileShare, type Serve } from './compile-serve.ts'
import { readEach, readNumber, readObject, readText, refuse } from './definition-parts.ts'
import type { FlagAnswer } from './flag-answer.ts'
import type { FlagType } from './flag-definition.ts'
import type { FlagContext, FlagDecision } from './flag-evaluation.ts'
import { type FlagVariants, readVariants } from './flag-variants.ts'
import { parseTime } from './iso-time.ts'

/** What the answers of a ruleset rest on. */
export interface RulesetStanding {
  /** It could not be renewed for longer than it should: values are given with reason `STALE`. */
  readonly isStale: boolean
  /**
   * When the authority's last word was asked for, where it has given none since though it was asked; `-Infinity`: it never gave one. Strict
   * flags with a bound below the time since then are unconfirmed. `null`: everything is confirmed as it should be.
   */
  readonly unconfirmedSinceMs: number | null
}

export interface CompiledFlag {
  readonly type: FlagType
  readonly about: FlagVariants['about']
  /** How old the authority's word may be. `Infinity`: the flag is not strict. */
  readonly withinMs: number
  readonly decide: FlagDecider
}

type FlagDecider = (
  context: FlagContext,
  nowMs: number,
  standing: RulesetStanding | undefined,
) => FlagAnswer

/** What a flag may refer to. */
export interface FlagSurroundings extends ConditionSurroundings {
  readonly algorithms: readonly BucketingAlgorithm[]
  readonly flags: (name: unknown) => CompiledFlag | undefined
}

export function isUnconfirmed(
  withinMs: number,
  nowMs: number,
  standing: RulesetStanding | undefined,
): boolean {
  return nowMs - (standing?.unconfirmedSinceMs ?? Infinity) > withinMs
}

/** Turns a definition into a function, or refuses. */
export function compileFlag(
  name: string,
  stored: unknown,
  surroundings: FlagSurroundings,
): CompiledFlag {
  const definition = readObject(stored)
  const { enabled, percentage, split, startsAt, endsAt, strict } = definition
  if (typeof enabled !== 'boolean') refuse()
  const variants = readVariants(definition)
  const { onVariant, offVariant, check, toAnswer } = variants
  const toShare = compileShare(name, definition.bucketing, surroundings.algorithms)
  const toOff = (decision: FlagDecision): FlagAnswer => toAnswer(offVariant, 'DISABLED', decision)
  const off = toOff('disabled')
  const notStarted = toOff('not-started')
  const ended = toOff('ended')
  const unmet = toOff('prerequisite')
  const blocked = toAnswer(offVariant, 'TARGETING_MATCH', 'block')
  const allowed = toAnswer(onVariant, 'TARGETING_MATCH', 'allow')

  const startsAtMs = readTime(startsAt, -Infinity)
  const endsAtMs = readTime(endsAt, Infinity)
  const block = new Set(readEach(definition.block, readText))
  const allow = new Set(readEach(definition.allow, readText))
  const prerequisites = readEach(definition.prerequisites, (prerequisite) => {
    const { flag, variants: wanted = ['on'] } = readObject(prerequisite)
    const { decide } = surroundings.flags(flag) ?? refuse()
    return { decide, wanted: new Set(readEach(wanted, readText)) }
  })
  const rules = readEach(definition.rules, (entry, i) => {
    const rule = readObject(entry)
    const { id = String(i), when } = rule
    return {
      matches: compileCondition(when, surroundings),
      serve: compileServe(variants, toShare, rule, 'rule', readText(id)),
    }
  })

  const isTargeted =
    startsAtMs > -Infinity ||
    endsAtMs < Infinity ||
    prerequisites.length + rules.length + block.size + allow.size > 0
  const byDefault = toAnswer(variants.defaultVariant, isTargeted ? 'DEFAULT' : 'STATIC', 'default')
  const rest: Serve =
    percentage === undefined && split === undefined
      ? () => byDefault
      : compileServe(
          variants,
          toShare,
          { percentage, split },
          split === undefined ? 'percentage' : 'split',
        )
  const decideTargeted: FlagDecider = (context, nowMs, standing) => {
    if (nowMs < startsAtMs) return notStarted
    if (nowMs >= endsAtMs) return ended
    for (const { decide, wanted } of prerequisites) {
      const { variant } = decide(context, nowMs, standing)
      if (variant === undefined || !wanted.has(variant)) return unmet
    }
    const { userId = '' } = context
    if (block.has(userId)) return blocked
    if (allow.has(userId)) return allowed
    for (const rule of rules) {
      if (rule.matches(context, nowMs)) return rule.serve(context, nowMs)
    }
    return rest(context, nowMs)
  }
  const decide: FlagDecider = enabled ? (isTargeted ? decideTargeted : rest) : () => off
  const { withinSeconds, otherwise } = readObject(strict ?? {})
  const withinMs = strict === undefined ? Infinity : readNumber(withinSeconds) * 1000
  const unconfirmed = otherwise !== undefined && toAnswer(check(otherwise), 'STALE', 'unconfirmed')
  return {
    type: variants.type,
    about: variants.about,
    withinMs,
    decide: unconfirmed
      ? (context, nowMs, standing) =>
          isUnconfirmed(withinMs, nowMs, standing) ? unconfirmed : decide(context, nowMs, standing)
      : decide,
  }
}

function readTime(time: unknown, byDefault: number): number {
  return time === undefined ? byDefault : (parseTime(time) ?? refuse())
}
