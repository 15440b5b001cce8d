import type { BucketingAlgorithm } from './bucketing.ts'
import { compileAttribute } from './compile-condition.ts'
import { readEach, readNumber, readObject, readText, refuse } from './definition-parts.ts'
import type { FlagAnswer } from './flag-answer.ts'
import type { FlagContext, FlagDecision } from './flag-evaluation.ts'
import type { FlagVariants } from './flag-variants.ts'

export type Serve = (context: FlagContext, nowMs: number) => FlagAnswer
/** Gives `undefined` where the context has nothing to spread by. */
type ShareReader = (context: FlagContext, nowMs: number) => number | undefined

type Share = readonly [variant: string | undefined, weight: number]

/** Of a percentage, 0.01 each. */
const percentageSteps = 10_000

/** Turns what a rule or the flag itself gives into a function: one of `variant`, `percentage` and `split`, or refuses. */
export function compileServe(
  { onVariant, offVariant, check, toAnswer, missingUnit }: FlagVariants,
  toShare: ShareReader,
  served: Readonly<Record<string, unknown>>,
  decision: FlagDecision,
  rule?: string,
): Serve {
  const { variant, percentage, split } = served
  if (variant !== undefined) {
    const answer = toAnswer(check(variant), 'TARGETING_MATCH', decision, rule)
    return () => answer
  }
  const toShares = (): readonly Share[] => {
    if (percentage === undefined)
      return readEach(split, (share) => {
        const { variant, weight } = readObject(share)
        return [check(variant), readNumber(weight)]
      })
    // Whole numbers: 0.07 / 100 is more than 7 / 10,000.
    const steps = Math.round(readNumber(percentage, 100) * 100)
    return [
      [onVariant, steps],
      [offVariant, percentageSteps - steps],
    ]
  }
  const shares = toShares()
  let sum = 0
  const ends = shares.map(([, weight]) => (sum += weight))
  const answers = shares.map(([name]) => toAnswer(name, 'SPLIT', decision, rule))
  const toAnswerOf = (share: number): FlagAnswer =>
    answers[ends.findIndex((end) => share < end / sum)] ?? missingUnit
  const first = toAnswerOf(0)
  // Where one takes everything, nobody's share is needed.
  if (ends[answers.indexOf(first)] === (sum || refuse())) return () => first
  return (context, nowMs) => {
    const share = toShare(context, nowMs)
    return share === undefined ? missingUnit : toAnswerOf(share)
  }
}

/** How a flag spreads users. Where it does not say it, as `sha256` in its version 1 does with the flag's name, for good. */
export function compileShare(
  flag: string,
  bucketing: unknown = {},
  algorithms: readonly BucketingAlgorithm[],
): ShareReader {
  const { algorithm = 'sha256', version = 1, salt = flag, by = 'userId' } = readObject(bucketing)
  const { toShare } =
    algorithms.find((one) => one.name === algorithm && one.version === version) ?? refuse()
  const saltText = readText(salt)
  const read = compileAttribute(by)
  return (context, nowMs) => {
    const unit = read(context, nowMs)
    const text = Number.isFinite(unit) ? String(unit) : unit
    return typeof text === 'string' && text ? toShare(text, saltText) : undefined
  }
}
