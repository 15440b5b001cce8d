import type { BucketingAlgorithm } from './bucketing.ts'
import { compileCondition } from './compile-condition.ts'
import {
  type CompiledFlag,
  compileFlag,
  type FlagSurroundings,
  isUnconfirmed,
  type RulesetStanding,
} from './compile-flag.ts'
import { builtInOperators, type FlagOperators } from './condition-operators.ts'
import { isObject, readObject } from './definition-parts.ts'
import { type FlagAnswer, toErrorAnswer } from './flag-answer.ts'
import type { FlagTarget } from './flag-authority-calls.ts'
import type { FlagValue } from './flag-definition.ts'
import type { FlagContext, FlagEvaluation } from './flag-evaluation.ts'
import { toType } from './flag-variants.ts'
import { sha256Bucketing } from './sha256-bucketing.ts'

export interface CompileOptions {
  /** Beside `sha256`, version 1. */
  readonly algorithms?: readonly BucketingAlgorithm[]
  /** Beside those that need no more code than they are: `semverOperators`, `cidrOperators`. */
  readonly operators?: readonly FlagOperators[]
  /** Told of each flag and segment that cannot be read: `validateFlag` says why. Evaluating such a flag gives the caller's default with `PARSE_ERROR`. */
  readonly onFault?: (target: FlagTarget) => void
}

/** What is known of a flag beside its value. */
type FlagSummary = Omit<CompiledFlag, 'decide'>

/** A ruleset as functions. It knows no clock and does no I/O. */
export interface CompiledRuleset {
  readonly version: number
  /** The smallest bound of its strict flags. `Infinity`: it has none. */
  readonly strictWithinMs: number
  /** Of flags with values of true and false, in the order of the document. */
  readonly booleanFlags: readonly string[]
  /**
   * Answers for a flag. It never throws, whatever it is given: what went wrong is the answer's `error`, and its value is the default then.
   *
   * A default of `undefined` or `null` takes values of any type.
   *
   * @param standing Absent: the ruleset is as fresh and as confirmed as it should be.
   */
  readonly evaluate: (
    flag: string,
    context: FlagContext | undefined,
    defaultValue: FlagValue | null | undefined,
    nowMs: number,
    standing?: RulesetStanding,
  ) => FlagEvaluation
  /** `undefined`: there is no such flag, or its definition cannot be read. */
  readonly describe: (flag: string) => FlagSummary | undefined
}

/**
 * Turns a ruleset into functions, once per load, so that an evaluation is a few calls and lookups.
 *
 * A definition that cannot be read is skipped and reported, as are definitions that rest on it or on each other in a circle. Fields that
 * are not known are passed over, since newer writers may know them; operators and algorithms that are not known are faults.
 *
 * @throws {TypeError} When the document as a whole is no ruleset.
 *
 * @example
 * ```ts
 * import { compileRuleset } from '@codex/cloudflare-clients/flag-evaluation'
 *
 * const ruleset = compileRuleset({ format: 1, version: 7, flags: { beta: { enabled: true, percentage: 0, allow: ['user-1'] } } })
 * ruleset.evaluate('beta', { userId: 'user-1' }, false, Date.now()).value // true
 * ```
 */
export function compileRuleset(
  ruleset: unknown,
  { algorithms = [], operators = [], onFault }: CompileOptions = {},
): CompiledRuleset {
  const { format, version, flags, segments = {} } = isObject(ruleset) ? ruleset : {}
  if (format !== 1 || !Number.isSafeInteger(version) || !isObject(flags) || !isObject(segments))
    throw new TypeError('Cannot read flags: wanted a ruleset of format 1, received something else')
  const surroundings: FlagSurroundings = {
    algorithms: [sha256Bucketing, ...algorithms],
    operators: Object.assign({}, builtInOperators, ...operators) as FlagOperators,
    segments: compileOnce(
      'segment',
      segments,
      (_name, segment) => compileCondition(readObject(segment).when, surroundings),
      onFault,
    ),
    flags: compileOnce(
      'flag',
      flags,
      (name, flag) => compileFlag(name, flag, surroundings),
      onFault,
    ),
  }
  const names = Object.keys(flags)
  const describe = surroundings.flags
  return {
    version: version as number,
    booleanFlags: names.filter((name) => describe(name)?.type === 'boolean'),
    strictWithinMs: names.reduce(
      (withinMs, name) => Math.min(withinMs, describe(name)?.withinMs ?? Infinity),
      Infinity,
    ),
    describe,
    evaluate(name, context, defaultValue, nowMs, standing) {
      let answer: FlagAnswer
      try {
        const flag = describe(name)
        if (!flag)
          answer = toErrorAnswer(Object.hasOwn(flags, name) ? 'PARSE_ERROR' : 'FLAG_NOT_FOUND')
        else if ((defaultValue ?? null) !== null && toType(defaultValue) !== flag.type)
          answer = toErrorAnswer('TYPE_MISMATCH', flag.about)
        else {
          answer = flag.decide(context ?? {}, nowMs, standing)
          if (
            standing &&
            !answer.error &&
            (standing.isStale || isUnconfirmed(flag.withinMs, nowMs, standing))
          )
            answer = Object.freeze({ ...answer, reason: 'STALE' })
        }
      } catch {
        // Attributes are the caller's: getters may throw.
        answer = toErrorAnswer('GENERAL')
      }
      return (
        answer.variant === undefined ? Object.freeze({ ...answer, value: defaultValue }) : answer
      ) as FlagEvaluation
    },
  }
}

/** Compiles each definition when it is first asked for, and once. Gives none where it cannot be read, and to a definition that asks for itself. */
function compileOnce<T extends object>(
  kind: FlagTarget['kind'],
  definitions: Readonly<Record<string, unknown>>,
  compile: (name: string, definition: unknown) => T,
  onFault: CompileOptions['onFault'],
): (name: unknown) => T | undefined {
  const compiled = new Map<unknown, T | undefined>()
  return (name) => {
    const known = compiled.get(name)
    // One lookup for what is asked all the time.
    if (
      known ||
      compiled.has(name) ||
      typeof name !== 'string' ||
      !Object.hasOwn(definitions, name)
    )
      return known
    compiled.set(name, undefined)
    try {
      compiled.set(name, compile(name, definitions[name]))
    } catch {
      onFault?.({ kind, name })
    }
    return compiled.get(name)
  }
}
