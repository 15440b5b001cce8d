import type { AcquireRequest, LimitAuthorityCalls } from './authority-protocol.ts'
import type {
  BackendCheck,
  CountedRateLimitResult,
  LimitAuthorityAccess,
  RateLimitBackend,
} from './rate-limit-backend.ts'
import { toBackendResult } from './to-backend-result.ts'

/** A backend of which every check, and all else, is a question to an authority. */
export type AuthorityBackend = RateLimitBackend<CountedRateLimitResult>

interface WholeAuthority extends LimitAuthorityAccess {
  of(shard: string): LimitAuthorityCalls
}

/** Asks the authority of a subject itself, for each check. */
export function authorityBackend({
  name,
  isRemote,
  authority,
}: {
  readonly name: string
  readonly isRemote: boolean
  readonly authority: WholeAuthority
}): AuthorityBackend {
  return {
    name,
    isRemote,
    authority,

    async check(check) {
      const reply = await authority.of(authority.shard(check)).acquire(askAlone(check))
      return toBackendResult(reply, { cost: check.cost, receiptId: crypto.randomUUID() })
    },
  }
}

/** The question about one call, of a holder who leases nothing. */
export function askAlone({ key, rule, cost }: BackendCheck): AcquireRequest {
  return { key, rule, holder: '', seq: 0, costs: [cost], want: 0 }
}
