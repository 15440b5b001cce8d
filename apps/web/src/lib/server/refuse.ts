import { fail } from '@sveltejs/kit'
import type { ActionFailure, RequestEvent } from '@sveltejs/kit'
import type { LimitDecision } from './limits/rate-limits.ts'

/** Shows a form again with the reason a limit gave, as a 429 or 503 that says when to come back. */
export function refuseOverLimit<Data extends Record<string, unknown>>(
  event: RequestEvent,
  decision: Extract<LimitDecision, { allowed: false }>,
  data: Data,
): ActionFailure<Data & { message: string }> {
  event.setHeaders({ 'retry-after': String(decision.retryAfterSeconds) })
  return fail(decision.status, { ...data, message: decision.message })
}
