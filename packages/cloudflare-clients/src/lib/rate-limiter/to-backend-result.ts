import type { AcquireReply } from './authority-protocol.ts'
import type { BackendResult, CountedRateLimitResult } from './rate-limit-backend.ts'

/** What an authority's reply says about one call, as a backend's result. */
export function toBackendResult(
  reply: AcquireReply,
  {
    allowed,
    cost,
    receiptId,
  }: { readonly allowed: boolean; readonly cost: number; readonly receiptId: string },
): BackendResult<CountedRateLimitResult> {
  const { available, resetInMs, retryAfterMs, limit, blockedMs, nowMs } = reply
  const counted = { remaining: available, resetAt: nowMs + resetInMs, limit, exact: true }
  if (allowed) {
    const receipt = { id: receiptId, cost, admittedAtMs: nowMs }
    return { ...counted, allowed, reason: 'within_limit', receipt }
  }
  // Of a check that only another one denied, and of a cost above the limit, there is no such time.
  const isKnown = retryAfterMs > 0 && retryAfterMs < Infinity
  return {
    ...counted,
    allowed,
    reason: blockedMs > 0 ? 'blocked' : 'over_limit',
    ...(isKnown && { retryAfterMs }),
  }
}
