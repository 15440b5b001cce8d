import { askAlone, authorityBackend, type AuthorityBackend } from './authority-backend.ts'
import { LimitAuthority } from './limit-authority.ts'
import type { RateLimitBackend, CountedRateLimitResult } from './rate-limit-backend.ts'
import { toBackendResult } from './to-backend-result.ts'

export interface MemoryBackendOptions {
  /** The clock, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** How many keys are kept, at least 1. The longest unused is forgotten first. Default 10,000. */
  readonly maxKeys?: number
}

export type MemoryBackend = AuthorityBackend &
  Required<Pick<RateLimitBackend<CountedRateLimitResult>, 'checkLocally'>>

/**
 * Counts in this isolate's memory, for tests and for what runs in one process.
 *
 * **Over-admission** is zero within the isolate, for the `maxKeys` most recently used keys; one that was forgotten starts again.
 * Over several isolates each admits its own limit, and a new isolate knows nothing of the last. **Under-admission**: none.
 * **Staleness**: none. **Cost**: no operation and no wait.
 */
export function memoryBackend({ now, maxKeys }: MemoryBackendOptions = {}): MemoryBackend {
  const authority = new LimitAuthority({
    ...(now !== undefined && { now }),
    ...(maxKeys !== undefined && { maxKeys }),
  })
  return {
    ...authorityBackend({
      name: 'memory',
      isRemote: false,
      authority: { shard: () => 'memory', of: () => authority },
    }),

    checkLocally(check) {
      const reply = authority.acquire(askAlone(check))
      return toBackendResult(reply, { cost: check.cost, receiptId: crypto.randomUUID() })
    },
  }
}
