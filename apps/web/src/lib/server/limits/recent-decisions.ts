import type { RateLimitReason, RateLimitResult } from '@codex/cloudflare-clients/rate-limiter'
import { enforcedPolicies, policyNames } from './enforced-policies.ts'
import type { PolicyName } from './enforced-policies.ts'

/** How this isolate has decided under one policy. */
export interface DecisionCounts {
  readonly policy: PolicyName
  readonly allowed: number
  readonly denied: number
  /** Decided without the coordinator, one way or the other. */
  readonly unavailable: number
}

export interface Denial {
  readonly atMs: number
  readonly policy: PolicyName
  readonly identifier: string
  readonly reason: RateLimitReason
}

const maxDenials = 8

const namesByPrefix = new Map<string, PolicyName>(
  policyNames.map((name) => [enforcedPolicies[name].keyPrefix, name]),
)

/** Counts decisions of this isolate since it started, and keeps the last denials. */
export class RecentDecisions {
  readonly #now: () => number
  readonly #counts = new Map<PolicyName, { allowed: number; denied: number; unavailable: number }>(
    policyNames.map((name) => [name, { allowed: 0, denied: 0, unavailable: 0 }]),
  )
  #denials: readonly Denial[] = []

  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.#now = now
  }

  /** For the `onDecision` option of limiters. */
  readonly note = (
    { allowed, reason, policy }: Pick<RateLimitResult, 'allowed' | 'reason' | 'policy'>,
    identifier: string,
  ): void => {
    const name = namesByPrefix.get(policy)
    const counts = name && this.#counts.get(name)
    if (!counts) return
    counts[reason === 'unavailable' ? 'unavailable' : allowed ? 'allowed' : 'denied'] += 1
    if (allowed) return
    const denial = { atMs: this.#now(), policy: name, identifier, reason }
    this.#denials = [denial, ...this.#denials].slice(0, maxDenials)
  }

  get counts(): readonly DecisionCounts[] {
    return Array.from(this.#counts, ([policy, counts]) => ({ policy, ...counts }))
  }

  /** The newest first. */
  get denials(): readonly Denial[] {
    return this.#denials
  }
}
