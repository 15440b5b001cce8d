import type { RateLimitAlgorithm } from '../../src/lib/rate-limiter/policies.ts'
import type { LimitRule } from '../../src/lib/rate-limiter/rate-limit-backend.ts'
import { createSeededRandom } from '../../src/lib/testing/seeded-random.ts'

const algorithms: readonly RateLimitAlgorithm[] = [
  'fixed-window',
  'sliding-window',
  'strict-sliding-window',
  'token-bucket',
]

/** One random configuration: a few limits of one identifier, the isolates that hold leases of them, and what goes wrong. */
export interface LimitPlan {
  readonly seed: number
  readonly rules: readonly LimitRule[]
  readonly holders: number
  /** Calls in all, for each limit of so many times what it admits. */
  readonly demand: number
  readonly decisions: number
  /** One isolate gets most of the calls. */
  readonly isSkewed: boolean
  /** Calls come in bursts, with nothing between them. */
  readonly isBursty: boolean
  readonly maxCost: number
  readonly maxOffsetMs: number
  /** Each way. Every tenth message takes up to `tailMs` more. */
  readonly latencyMs: number
  readonly tailMs: number
  /** Of requests, and of replies. */
  readonly lossRate: number
  readonly duplicateRate: number
  readonly abandonAfterMs: number
  readonly guardMs: number
  readonly hasPrefetch: boolean
  /** Mean times between, for each holder and for the authority. `Infinity`: never. */
  readonly holderLifeMs: number
  readonly authorityLifeMs: number
  readonly deleteIdleEveryMs: number
  readonly resetEveryMs: number
  readonly blockEveryMs: number
  readonly overrideEveryMs: number
  /** Of admissions. */
  readonly refundRate: number
  /** Of calls that ask the authority itself. */
  readonly exactRate: number
  /** Of calls that check all limits at once. */
  readonly checkAllRate: number
}

/** Whether nothing goes wrong and demand is well above the limit: then the limit should be used up. */
export function isHealthy(plan: LimitPlan): boolean {
  return (
    plan.lossRate === 0 &&
    plan.demand >= 2 &&
    plan.maxCost === 1 &&
    plan.tailMs < plan.abandonAfterMs &&
    [plan.holderLifeMs, plan.authorityLifeMs, plan.resetEveryMs].every((ms) => ms === Infinity) &&
    [plan.blockEveryMs, plan.overrideEveryMs].every((ms) => ms === Infinity)
  )
}

export function createPlan(seed: number): LimitPlan {
  const random = createSeededRandom(`plan-${seed}`)
  const between = (min: number, max: number): number => min + random() * (max - min)
  const logBetween = (min: number, max: number): number => min * (max / min) ** random()
  const pick = <T>(...values: readonly [T, ...T[]]): T =>
    values[Math.floor(random() * values.length)] ?? values[0]

  const windowMs = Math.round(logBetween(1000, 60_000))
  const ruleOf = (algorithm: RateLimitAlgorithm, scale: number): LimitRule => {
    const limit = Math.min(5000, Math.ceil(logBetween(1, 5000) * scale))
    const isBurst = algorithm === 'token-bucket' && random() < 0.5
    const burst = isBurst ? Math.max(1, Math.ceil(limit * logBetween(0.05, 4))) : limit
    return { algorithm, limit, windowMs: Math.max(1000, Math.round(windowMs * scale)), burst }
  }
  const rules = [ruleOf(pick(...(algorithms as [RateLimitAlgorithm])), 1)]
  if (random() < 0.25)
    rules.push(ruleOf(pick(...(algorithms as [RateLimitAlgorithm])), pick(0.2, 1, 4)))

  const demand = logBetween(0.3, 8)
  const highestLimit = Math.max(...rules.map(({ limit }) => limit))
  const windows = between(5, 14)
  // Calm plans, in which little goes wrong, show whether the limit is used up.
  const isCalm = random() < 0.25
  const rarely = (share: number, everyMs: number): number =>
    isCalm || random() >= share ? Infinity : everyMs
  return {
    seed,
    rules,
    holders: Math.ceil(logBetween(1, 60)),
    demand,
    decisions: Math.ceil(Math.min(60_000, Math.max(4000, windows * demand * highestLimit))),
    isSkewed: random() < 0.2,
    isBursty: random() < 0.2,
    maxCost: isCalm ? 1 : pick(1, 1, 3, Math.max(1, Math.ceil(highestLimit * 0.3))),
    maxOffsetMs: pick(0, 1000, 30_000),
    latencyMs: logBetween(1, 150),
    tailMs: isCalm ? 0 : pick(0, 300, windowMs, windowMs * 2),
    lossRate: isCalm ? 0 : pick(0, 0.02, 0.2 * random()),
    duplicateRate: pick(0, 0.05, 0.3),
    abandonAfterMs: pick(400, 1200, windowMs),
    guardMs: pick(0, 20),
    hasPrefetch: random() < 0.7,
    holderLifeMs: rarely(0.4, logBetween(3000, 10 * windowMs + 3000)),
    authorityLifeMs: rarely(0.5, logBetween(300, 3 * windowMs)),
    deleteIdleEveryMs: rarely(0.3, logBetween(0.5, 100) * windowMs),
    resetEveryMs: rarely(0.25, logBetween(0.3, 3) * windowMs),
    blockEveryMs: rarely(0.15, logBetween(0.5, 4) * windowMs),
    overrideEveryMs: rarely(0.2, logBetween(0.5, 4) * windowMs),
    refundRate: isCalm ? 0 : pick(0, 0, 0.02, 0.2),
    exactRate: pick(0, 0, 0.05, 0.5),
    checkAllRate: pick(0, 0, 0.05),
  }
}
