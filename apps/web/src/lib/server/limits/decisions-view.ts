import type { RateLimitReason } from '@codex/cloudflare-clients/rate-limiter'
import type { PolicyName } from './enforced-policies.ts'
import type { DecisionCounts, RecentDecisions } from './recent-decisions.ts'

/** What the owner sees of this isolate's decisions. */
export interface DecisionsView {
  readonly counts: readonly DecisionCounts[]
  /** The newest first. */
  readonly denials: readonly {
    readonly policy: PolicyName
    readonly identifier: string
    readonly reason: RateLimitReason
    readonly secondsAgo: number
  }[]
}

export function viewDecisions(
  { counts, denials }: RecentDecisions,
  { nowMs = Date.now() }: { nowMs?: number } = {},
): DecisionsView {
  return {
    counts,
    denials: denials.map(({ atMs, ...denial }) => ({
      ...denial,
      secondsAgo: Math.max(0, Math.floor((nowMs - atMs) / 1000)),
    })),
  }
}
