import {
  type BucketingAlgorithm,
  type FlagReader,
  sha256Bucketing,
} from '@codex/cloudflare-clients/feature-flags'
import { createRulesetReader } from './ruleset-reader.ts'

/** From 0 to 100 % by 0.01 %. */
const steps = 10_000
const salt = 'ladder'

/** What is known of a user's way up. */
export interface LadderReport {
  /** How often a user who was in was out at a higher percentage, was in at 0 %, or out at 100 %. */
  readonly violations: number
  readonly evaluations: number
}

/** Evaluates a flag for all users at 0 %, at 0.01 %, and so on up to 100 %, each percentage as a flag of its own with the same salt. */
export function climbLadder(ids: readonly string[]): LadderReport {
  let share = 0
  // The share of a user is the same on all steps, and is worked out once: 10⁹ times it would take an hour.
  const known: BucketingAlgorithm = { name: 'known', version: 1, toShare: () => share }
  const shares = Float64Array.from(ids, (id) => sha256Bucketing.toShare(id, salt))
  return climb(ids, openLadder(known), (user) => {
    share = shares[user] ?? 0
  })
}

/** The same with the share worked out on every step. */
export function climbWholeLadder(ids: readonly string[]): LadderReport {
  return climb(ids, openLadder(sha256Bucketing), () => undefined)
}

function climb(
  ids: readonly string[],
  reader: FlagReader,
  prepare: (user: number) => void,
): LadderReport {
  const contexts = ids.map((userId) => ({ userId }))
  const wereIn = new Uint8Array(ids.length)
  let violations = 0
  for (const [step, name] of stepNames.entries()) {
    for (let user = 0; user < ids.length; user++) {
      prepare(user)
      const isIn: boolean = reader.evaluate<boolean>(name, contexts[user] ?? {}, false).value
      const isWrong = (step === 0 && isIn) || (step === steps && !isIn)
      if (isWrong || (wereIn[user] === 1 && !isIn)) violations++
      wereIn[user] = isIn ? 1 : 0
    }
  }
  return { violations, evaluations: ids.length * stepNames.length }
}

function openLadder({ name, version, toShare }: BucketingAlgorithm): FlagReader {
  const flags = Object.fromEntries(
    stepNames.map((step, index) => [
      step,
      {
        enabled: true,
        percentage: index / 100,
        bucketing: { algorithm: name, version, salt },
      },
    ]),
  )
  const algorithms = name === sha256Bucketing.name ? [] : [{ name, version, toShare }]
  return createRulesetReader(flags, { algorithms })
}

const stepNames = Array.from({ length: steps + 1 }, (_, index) => `step-${index}`)
