import { describe, expect, it } from 'vitest'
import { viewDecisions } from './decisions-view.ts'
import { RecentDecisions } from './recent-decisions.ts'

function countsOf(decisions: RecentDecisions, policy: string): unknown {
  return decisions.counts.find((counts) => counts.policy === policy)
}

describe('RecentDecisions', () => {
  it('tells apart what was allowed, denied, and decided without the coordinator', () => {
    const decisions = new RecentDecisions()
    decisions.note({ allowed: true, reason: 'within_limit', policy: 'login' }, 'account:a')
    decisions.note({ allowed: false, reason: 'over_limit', policy: 'login' }, 'account:a')
    decisions.note({ allowed: false, reason: 'blocked', policy: 'login' }, 'account:a')
    decisions.note({ allowed: false, reason: 'unavailable', policy: 'login' }, 'account:a')
    decisions.note({ allowed: true, reason: 'unavailable', policy: 'api' }, 'user:a')
    const login = { policy: 'login', allowed: 1, denied: 2, unavailable: 1 }
    expect(countsOf(decisions, 'login')).toEqual(login)
    expect(countsOf(decisions, 'api')).toMatchObject({ allowed: 0, unavailable: 1 })
  })

  it('shows a policy under the name that the owner knows, not its prefix', () => {
    const decisions = new RecentDecisions()
    decisions.note({ allowed: true, reason: 'within_limit', policy: 'login-address' }, 'address:a')
    expect(countsOf(decisions, 'loginAddress')).toMatchObject({ allowed: 1 })
  })

  it('keeps the last eight denials, the newest first', () => {
    let nowMs = 0
    const decisions = new RecentDecisions({ now: () => nowMs })
    for (nowMs = 1000; nowMs <= 9000; nowMs += 1000) {
      decisions.note({ allowed: false, reason: 'over_limit', policy: 'api' }, `user:${nowMs}`)
    }
    decisions.note({ allowed: true, reason: 'within_limit', policy: 'api' }, 'user:allowed')
    const { denials } = viewDecisions(decisions, { nowMs: 10_500 })
    expect(denials).toHaveLength(8)
    expect(denials[0]).toEqual({
      policy: 'api',
      identifier: 'user:9000',
      reason: 'over_limit',
      secondsAgo: 1,
    })
    expect(denials.at(-1)?.identifier).toBe('user:2000')
  })
})
