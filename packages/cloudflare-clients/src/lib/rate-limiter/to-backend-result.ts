import type { AcquireReply } from './authority-protocol.ts'
import type { BackendResult, CountedRateLimitResult } from './rate-limit-backend.ts'

/** What an authority's reply says about one of the calls that were asked about, as a backend's result. */
export function toBackendResult(
  reply: AcquireReply,
  {
    cost,
    receiptId,
    index = 0,
  }: { readonly cost: number; readonly receiptId: string; readonly index?: number },
): BackendResult<CountedRateLimitResult> {
  const allowed = reply.verdicts[index] === true
  const { available, resetInMs, retryAfterMs, limit, blockedMs, nowMs } = reply
  const counted = { allowed, remaining: available, resetAt: nowMs + resetInMs, limit, exact: true }
  if (allowed) {
    const receipt = { id: receiptId, cost, admittedAtMs: nowMs }
    return { ...counted, reason: 'within_limit', receipt }
  }
  // Of a check that only another one denied, and of a cost above the limit, there is no such time.
  const isKnown = retryAfterMs > 0 && retryAfterMs < Infinity
  return {
    ...counted,
    reason: blockedMs > 0 ? 'blocked' : 'over_limit',
    ...(isKnown && { retryAfterMs }),
  }
}
