import type { LimitAuthorityCalls } from './authority-protocol.ts'
import type {
  CountedRateLimitResult,
  LimitSubject,
  RateLimitBackend,
} from './rate-limit-backend.ts'
import { toBackendResult } from './to-backend-result.ts'

/** A subject without its policy, which what changes a key does not need. */
export type LimitName = Pick<LimitSubject, 'identifier' | 'keyPrefix' | 'key'>

/** Every call of a backend, each as one question to an authority. */
export type AuthorityBackend = RateLimitBackend<CountedRateLimitResult> &
  Required<
    Omit<RateLimitBackend<CountedRateLimitResult>, 'assertRule' | 'checkLocally' | 'safeShare'>
  >

/** Asks the authority of a subject itself, for each check. */
export function authorityBackend({
  name,
  isRemote,
  authorityOf,
  authorityOfAll,
}: {
  readonly name: string
  readonly isRemote: boolean
  readonly authorityOf: (subject: LimitName) => LimitAuthorityCalls
  /** @throws {TypeError} When they do not have one authority. */
  readonly authorityOfAll: (subjects: readonly [LimitName, ...LimitName[]]) => LimitAuthorityCalls
}): AuthorityBackend {
  return {
    name,
    isRemote,

    async check(check) {
      const { key, rule, cost } = check
      const request = { key, rule, holder: '', seq: 0, costs: [cost], want: 0 }
      const reply = await authorityOf(check).acquire(request)
      const allowed = reply.verdicts[0] === true
      return toBackendResult(reply, { allowed, cost, receiptId: crypto.randomUUID() })
    },

    async checkAll(checks) {
      const [first, ...others] = checks
      if (first === undefined) return []
      const requests = checks.map(({ key, rule, cost }) => ({ key, rule, cost }))
      const replies = await authorityOfAll([first, ...others]).checkAll(requests)
      return replies.map((reply, index) => {
        const cost = checks[index]?.cost ?? 0
        const allowed = reply.verdicts[0] === true
        return toBackendResult(reply, { allowed, cost, receiptId: crypto.randomUUID() })
      })
    },

    async getStatus(subject) {
      return await authorityOf(subject).getStatus(subject.key, subject.rule)
    },

    async reset(subject) {
      await authorityOf(subject).change({ type: 'reset', key: subject.key })
    },

    async refund(subject, receipt) {
      const { key, rule } = subject
      return await authorityOf(subject).change({ type: 'refund', key, rule, receipt })
    },

    async block(subject, ms) {
      await authorityOf(subject).change({ type: 'block', key: subject.key, ms })
    },

    async override(subject, override) {
      await authorityOf(subject).change({ type: 'override', key: subject.key, override })
    },
  }
}
