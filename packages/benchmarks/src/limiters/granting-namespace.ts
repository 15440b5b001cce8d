import type {
  AcquireReply,
  AcquireRequest,
  AuthorityNamespace,
} from '@codex/cloudflare-clients/testing'

const lease = 1_000_000_000
const ttlMs = 3_600_000

/** An authority that leases more than anybody spends, so that what is timed is the admission alone. */
export function createGrantingNamespace(): AuthorityNamespace & { readonly requests: number } {
  let requests = 0
  const grant = ({ costs, rule }: AcquireRequest): AcquireReply => {
    requests++
    return {
      verdicts: costs.map(() => true),
      lease,
      ttlMs,
      available: lease,
      retryAfterMs: 0,
      resetInMs: ttlMs,
      limit: rule.limit,
      safeShare: 1,
      epoch: 0,
      blockedMs: 0,
      nowMs: Date.now(),
    }
  }
  const refuse = (): Promise<never> => Promise.reject(new Error('It only leases'))
  return {
    get requests() {
      return requests
    },
    getByName: () => ({
      acquire: (request) => Promise.resolve(grant(request)),
      checkAll: refuse,
      getStatus: refuse,
      change: refuse,
    }),
  }
}
