import { describe, expect, it } from 'vitest'
import type { AcquireRequest, AuthorityChange } from './authority-protocol.ts'
import { LimitAuthority } from './limit-authority.ts'
import type { LimitRow } from './limit-row.ts'
import type { LimitRule } from './rate-limit-backend.ts'

const startMs = 1_700_000_040_000
const fixed: LimitRule = { algorithm: 'fixed-window', limit: 10, windowMs: 60_000, burst: 10 }

function setUp() {
  const rows = new Map<string, LimitRow>()
  const clock = { nowMs: startMs }
  const storage = {
    load: (key: string) => rows.get(key),
    save: (key: string, row: LimitRow) => void rows.set(key, structuredClone(row)),
    delete: (key: string) => void rows.delete(key),
  }
  const start = () => new LimitAuthority({ now: () => clock.nowMs, storage })
  return { clock, rows, start, authority: start() }
}

function ask(request: Partial<AcquireRequest> = {}): AcquireRequest {
  return { key: 'k', rule: fixed, holder: '', seq: 0, costs: [1], want: 0, ...request }
}

function refund(id: string, { cost = 1, admittedAtMs = startMs, rule = fixed } = {}) {
  const receipt = { id, cost, admittedAtMs }
  return { type: 'refund', key: 'k', rule, receipt } as const satisfies AuthorityChange
}

describe('reset', () => {
  const reset = { type: 'reset', key: 'k' } as const

  it('starts the count again and makes the epoch grow', () => {
    const { authority, start } = setUp()
    authority.acquire(ask({ costs: [10] }))
    expect(authority.change(reset)).toBe(true)
    expect(start().acquire(ask())).toMatchObject({ verdicts: [true], available: 9, epoch: 1 })
  })

  it.each(['fixed-window', 'sliding-window', 'strict-sliding-window', 'token-bucket'] as const)(
    'starts from what holders of leases may still spend, also after a restart: %s',
    (algorithm) => {
      const { authority, start, clock } = setUp()
      const rule = { ...fixed, algorithm, limit: 1000, burst: 1000 }
      const { lease } = authority.acquire(
        ask({ rule, holder: 'a', seq: 1, costs: [300], want: 80 }),
      )
      expect(lease).toBe(80)
      clock.nowMs += 500
      const restarted = start()
      restarted.change(reset)
      const afterRestart = restarted.getStatus('k', rule).used
      expect(afterRestart).toBeGreaterThanOrEqual(80)
      expect(afterRestart).toBeLessThanOrEqual(100)
      authority.change(reset)
      expect(authority.getStatus('k', rule).used).toBe(80)
    },
  )

  it('forgets leases that are over', () => {
    const { authority, clock } = setUp()
    const rule = { ...fixed, limit: 1000, burst: 1000, algorithm: 'token-bucket' } as const
    for (let seq = 1; seq <= 30; seq += 1) {
      authority.acquire(ask({ rule, holder: 'a', seq, costs: [], want: 10 }))
      clock.nowMs += 1000
    }
    authority.change(reset)
    // A lease lives 6 s.
    expect(authority.getStatus('k', rule).used).toBeLessThanOrEqual(120)
    expect(authority.getStatus('k', rule).used).toBeGreaterThanOrEqual(50)
  })

  it('gives back nothing that was admitted before', () => {
    const { authority } = setUp()
    authority.acquire(ask())
    authority.change(reset)
    authority.acquire(ask())
    expect(authority.change(refund('r'))).toBe(false)
  })

  it('keeps a block', () => {
    const { authority } = setUp()
    authority.acquire(ask())
    authority.change({ type: 'block', key: 'k', ms: 5000 })
    authority.change(reset)
    expect(authority.acquire(ask())).toMatchObject({ verdicts: [false], blockedMs: 5000 })
  })

  it('changes nothing of a key that was never seen', () => {
    const { authority, rows } = setUp()
    expect(authority.change(reset)).toBe(false)
    expect(rows.size).toBe(0)
  })
})

describe('refund', () => {
  it('gives an admission back once', () => {
    const { authority } = setUp()
    authority.acquire(ask({ costs: [4] }))
    expect(authority.change(refund('r', { cost: 3 }))).toBe(true)
    expect(authority.change(refund('r', { cost: 3 }))).toBe(false)
    expect(authority.getStatus('k', fixed).used).toBe(1)
  })

  it('gives back nothing of an earlier window, of another key or of another rule', () => {
    const { authority, clock } = setUp()
    authority.acquire(ask())
    expect(authority.change({ ...refund('a'), key: 'other' })).toBe(false)
    expect(authority.change(refund('b', { rule: { ...fixed, windowMs: 1000 } }))).toBe(false)
    clock.nowMs += 60_000
    authority.acquire(ask())
    expect(authority.change(refund('c'))).toBe(false)
  })

  it('forgets which were given back only by refusing all as old', () => {
    const { authority, clock } = setUp()
    const rule = { ...fixed, limit: 5000, burst: 5000 }
    authority.acquire(ask({ rule, costs: [2000] }))
    expect(authority.change(refund('first', { rule }))).toBe(true)
    clock.nowMs += 1
    const admittedAtMs = clock.nowMs
    for (let index = 0; index < 1000; index += 1) {
      authority.change(refund(`${index}`, { rule, admittedAtMs }))
    }
    expect(authority.change(refund('first', { rule }))).toBe(false)
    expect(authority.getStatus('k', rule).used).toBe(999)
  })

  it.each([0, -3, 0.5])('refuses a cost of %d', (cost) => {
    const { authority } = setUp()
    authority.acquire(ask())
    expect(() => authority.change(refund('r', { cost }))).toThrow(RangeError)
  })
})

describe('block', () => {
  it('denies until it ends, and consumes nothing', () => {
    const { authority, clock } = setUp()
    expect(authority.change({ type: 'block', key: 'k', ms: 5000 })).toBe(true)
    const request = ask({ holder: 'a', seq: 1, want: 1, rule: { ...fixed, limit: 100 } })
    expect(authority.acquire(request)).toMatchObject({
      verdicts: [false],
      lease: 0,
      available: 100,
      blockedMs: 5000,
      retryAfterMs: 5000,
      epoch: 1,
    })
    clock.nowMs += 4999
    expect(authority.acquire(ask()).verdicts).toEqual([false])
    clock.nowMs += 1
    expect(authority.acquire(ask())).toMatchObject({ verdicts: [true], blockedMs: 0 })
  })

  it('ends with 0', () => {
    const { authority } = setUp()
    expect(authority.change({ type: 'block', key: 'k', ms: 0 })).toBe(false)
    authority.change({ type: 'block', key: 'k', ms: 5000 })
    expect(authority.change({ type: 'block', key: 'k', ms: 0 })).toBe(true)
    expect(authority.acquire(ask())).toMatchObject({ verdicts: [true], epoch: 2 })
  })

  it.each([-1, NaN, Infinity])('refuses %d ms', (ms) => {
    const { authority } = setUp()
    expect(() => authority.change({ type: 'block', key: 'k', ms })).toThrow(RangeError)
  })
})

describe('override', () => {
  const override = (limit: number, ttlMs?: number) =>
    ({
      type: 'override',
      key: 'k',
      override: { limit, ...(ttlMs !== undefined && { ttlMs }) },
    }) as const

  it('holds in place of the limit until it ends', () => {
    const { authority, clock } = setUp()
    authority.acquire(ask({ costs: [8] }))
    expect(authority.change(override(12, 5000))).toBe(true)
    expect(authority.acquire(ask({ costs: [4] }))).toMatchObject({
      verdicts: [true],
      limit: 12,
      available: 0,
      epoch: 1,
    })
    clock.nowMs += 5000
    expect(authority.acquire(ask())).toMatchObject({ verdicts: [false], limit: 10 })
    expect(authority.getStatus('k', fixed)).not.toHaveProperty('override')
  })

  it('stops grants where it lowers the limit below what is used', () => {
    const { authority } = setUp()
    authority.acquire(ask({ costs: [8] }))
    authority.change(override(5))
    expect(authority.acquire(ask())).toMatchObject({ verdicts: [false], available: 0, limit: 5 })
  })

  it('changes a burst in proportion', () => {
    const { authority } = setUp()
    const rule: LimitRule = { ...fixed, algorithm: 'token-bucket', burst: 4 }
    authority.change(override(5))
    expect(authority.getStatus('k', rule).remaining).toBe(2)
  })

  it('ends with null', () => {
    const { authority } = setUp()
    const end = { type: 'override', key: 'k', override: null } as const
    expect(authority.change(end)).toBe(false)
    authority.change(override(1))
    expect(authority.change(end)).toBe(true)
    expect(authority.getStatus('k', fixed)).toMatchObject({ limit: 10 })
  })

  it.each([0, 1.5, -1])('refuses a limit of %d', (limit) => {
    const { authority } = setUp()
    expect(() => authority.change(override(limit))).toThrow(RangeError)
  })

  it.each([0, -5, NaN])('refuses to end in %d ms', (ttlMs) => {
    const { authority } = setUp()
    expect(() => authority.change(override(5, ttlMs))).toThrow(RangeError)
  })
})

describe('deleteIdle', () => {
  const hourMs = 3_600_000

  it('deletes a key that was not used for an hour and two windows', () => {
    const { authority, rows, clock } = setUp()
    authority.acquire(ask())
    clock.nowMs += hourMs
    authority.deleteIdle(['k'])
    expect(rows.size).toBe(0)
    expect(authority.acquire(ask())).toMatchObject({ available: 9 })
  })

  it('keeps a key that is used, without a write for each use, and from when on it is idle', () => {
    const { authority, rows, clock } = setUp()
    const rule = { ...fixed, limit: 1000, burst: 1000, windowMs: 24 * hourMs }
    authority.acquire(ask({ rule }))
    clock.nowMs += hourMs
    authority.acquire(ask({ rule }))
    expect(rows.get('k')?.idleAtMs).toBe(startMs + 48 * hourMs)
    clock.nowMs = startMs + 48 * hourMs
    authority.deleteIdle(['k'])
    expect(rows.get('k')?.idleAtMs).toBe(startMs + 49 * hourMs)
  })

  it('keeps blocks and overrides for as long as they hold', () => {
    const { authority, rows, clock } = setUp()
    authority.change({ type: 'block', key: 'blocked', ms: 5 * hourMs })
    authority.change({ type: 'override', key: 'raised', override: { limit: 99 } })
    clock.nowMs += 4 * hourMs
    authority.deleteIdle(['blocked', 'raised'])
    expect([...rows.keys()]).toEqual(['blocked', 'raised'])
    clock.nowMs += hourMs
    authority.deleteIdle(['blocked', 'raised'])
    expect([...rows.keys()]).toEqual(['raised'])
  })

  it('keeps a bucket until it is full', () => {
    const { authority, rows, clock } = setUp()
    const rule: LimitRule = { ...fixed, algorithm: 'token-bucket', limit: 1, burst: 200 }
    authority.acquire(ask({ rule, costs: [200] }))
    clock.nowMs += 2 * hourMs
    authority.deleteIdle(['k'])
    expect(rows.size).toBe(1)
    clock.nowMs = startMs + 200 * 60_000
    authority.deleteIdle(['k'])
    expect(rows.size).toBe(0)
  })
})
