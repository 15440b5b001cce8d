import { describe, expect, it } from 'vitest'
import type { AcquireRequest } from './authority-protocol.ts'
import { LimitAuthority } from './limit-authority.ts'
import type { LimitRow } from './limit-row.ts'
import type { LimitRule } from './rate-limit-backend.ts'

const startMs = 1_700_000_040_000
const fixed = { algorithm: 'fixed-window', limit: 10, windowMs: 60_000, burst: 10 } as const

/** An authority on a clock of its own, whose rows outlive a restart as text. */
function setUp({ maxKeys = 10_000 } = {}) {
  const rows = new Map<string, string>()
  const clock = { nowMs: startMs }
  const saves: string[] = []
  const storage = {
    load: (key: string) => {
      const text = rows.get(key)
      return text === undefined ? undefined : (JSON.parse(text) as LimitRow)
    },
    save: (key: string, row: LimitRow) => {
      saves.push(key)
      rows.set(key, JSON.stringify(row))
    },
    delete: (key: string) => void rows.delete(key),
  }
  const start = () => new LimitAuthority({ now: () => clock.nowMs, storage, maxKeys })
  return { clock, rows, saves, start, authority: start() }
}

function ask(request: Partial<AcquireRequest> = {}): AcquireRequest {
  return { key: 'k', rule: fixed, holder: '', seq: 0, costs: [1], want: 0, ...request }
}

function limited(limit: number, more: Partial<LimitRule> = {}): LimitRule {
  return { ...fixed, limit, burst: limit, ...more }
}

/** Asks with a cost of 1 until it is denied. */
function drain(authority: LimitAuthority, request: Partial<AcquireRequest> = {}): number {
  for (let admitted = 0; ; admitted += 1) {
    if (authority.acquire(ask(request)).verdicts[0] === false) return admitted
  }
}

describe('verdicts', () => {
  it('admit each waiting call whole or not at all, and a smaller one after a bigger one was denied', () => {
    const { authority } = setUp()
    const reply = authority.acquire(ask({ costs: [4, 5, 3, 1] }))
    expect(reply).toMatchObject({ verdicts: [true, true, false, true], available: 0 })
    expect(reply.retryAfterMs).toBe(60_000)
  })

  it('consume nothing where they deny', () => {
    const { authority } = setUp()
    expect(authority.acquire(ask({ costs: [11] }))).toMatchObject({
      verdicts: [false],
      available: 10,
      retryAfterMs: Infinity,
    })
    expect(drain(authority)).toBe(10)
  })

  it('say what is left, until when and of what', () => {
    const { authority, clock } = setUp()
    clock.nowMs += 15_000
    expect(authority.acquire(ask())).toEqual({
      verdicts: [true],
      lease: 0,
      ttlMs: 0,
      available: 9,
      retryAfterMs: 0,
      resetInMs: 45_000,
      limit: 10,
      safeShare: 1,
      epoch: 0,
      blockedMs: 0,
      nowMs: startMs + 15_000,
    })
  })

  it('count two rules that share a key and differ in their window apart', () => {
    const { authority } = setUp()
    expect(drain(authority)).toBe(10)
    expect(drain(authority, { rule: limited(3, { windowMs: 1000 }) })).toBe(3)
  })

  it('count on when the limit of a rule changes', () => {
    const { authority } = setUp()
    expect(drain(authority)).toBe(10)
    expect(drain(authority, { rule: limited(15) })).toBe(5)
    expect(drain(authority, { rule: limited(12) })).toBe(0)
  })

  it('keep to the latest time a key has seen when the clock goes back', () => {
    const { authority, clock } = setUp()
    expect(drain(authority)).toBe(10)
    clock.nowMs -= 60_000
    expect(authority.acquire(ask())).toMatchObject({ verdicts: [false], nowMs: startMs })
  })

  it.each([
    ask({ costs: [0] }),
    ask({ costs: [-1] }),
    ask({ costs: [1.5] }),
    ask({ want: -1 }),
    ask({ rule: limited(0) }),
    ask({ rule: limited(5, { windowMs: 0 }) }),
    ask({ rule: limited(5, { burst: NaN }) }),
  ])('refuse what is no request: %j', (request) => {
    const { authority } = setUp()
    expect(() => authority.acquire(request)).toThrow(RangeError)
  })
})

describe('leases', () => {
  const rule = limited(1000)
  const lease = (holder: string, more: Partial<AcquireRequest> = {}) =>
    ask({ rule, holder, seq: 1, costs: [], want: 1000, ...more })

  it('are debited at once, and end with the window', () => {
    const { authority, clock } = setUp()
    clock.nowMs += 20_000
    expect(authority.acquire(lease('a'))).toMatchObject({
      lease: 100,
      ttlMs: 40_000,
      available: 900,
    })
  })

  it('are a tenth of the limit over all holders, and half of what is left', () => {
    const { authority } = setUp()
    expect(authority.acquire(lease('a')).lease).toBe(100)
    expect(authority.acquire(lease('b')).lease).toBe(50)
    expect(authority.acquire(lease('c', { costs: [840] }))).toMatchObject({
      verdicts: [true],
      lease: 1,
      available: 9,
    })
  })

  it('never exceed what is wanted', () => {
    const { authority } = setUp()
    expect(authority.acquire(lease('a', { want: 7 })).lease).toBe(7)
  })

  it('count a holder for two windows, also while it is silent', () => {
    const { authority, clock } = setUp()
    clock.nowMs += 10_000
    authority.acquire(lease('a'))
    clock.nowMs += 119_999
    expect(authority.acquire(lease('b')).lease).toBe(50)
    clock.nowMs += 2
    expect(authority.acquire(lease('b', { seq: 2 })).lease).toBe(100)
  })

  it('do not count who wants none', () => {
    const { authority } = setUp()
    authority.acquire(lease('a', { want: 0, costs: [1] }))
    expect(authority.acquire(lease('b')).lease).toBe(100)
  })

  it('are not given where a tenth of the limit is less than a token for each holder', () => {
    const { authority } = setUp()
    expect(authority.acquire(lease('a', { rule: limited(9) })).lease).toBe(0)
  })

  it('are not given when they would be over before they arrive', () => {
    const { authority, clock } = setUp()
    clock.nowMs += 59_901
    expect(authority.acquire(lease('a'))).toMatchObject({ lease: 0, ttlMs: 0, available: 1000 })
  })

  it('tell each holder its share for when the authority is away', () => {
    const { authority } = setUp()
    expect(authority.acquire(ask({ rule })).safeShare).toBe(100)
    expect(authority.acquire(lease('a')).safeShare).toBe(500)
    expect(authority.acquire(lease('b')).safeShare).toBe(250)
  })
})

describe('a request that comes again', () => {
  const again = ask({ rule: limited(100), holder: 'a', seq: 5, costs: [3], want: 10 })

  it('gets the same grants, which are debited once, for as long as the lease still lives', () => {
    const { authority, clock } = setUp()
    const first = authority.acquire(again)
    clock.nowMs += 1500
    expect(authority.acquire(again)).toEqual({ ...first, ttlMs: first.ttlMs - 1500 })
    expect(authority.getStatus('k', limited(100)).used).toBe(13)
  })

  it('gets nothing when its holder has asked again since', () => {
    const { authority } = setUp()
    authority.acquire(again)
    const late = authority.acquire({ ...again, seq: 4 })
    expect(late).toMatchObject({ verdicts: [false], lease: 0, retryAfterMs: 0 })
    expect(authority.getStatus('k', limited(100)).used).toBe(13)
  })

  it('is a new one for every check on its own', () => {
    const { authority } = setUp()
    authority.acquire(ask({ seq: 7 }))
    authority.acquire(ask({ seq: 7 }))
    expect(authority.acquire(ask({ seq: 6 })).available).toBe(7)
  })

  it('is a new one under another key', () => {
    const { authority } = setUp()
    authority.acquire(again)
    expect(authority.acquire({ ...again, key: 'other' }).available).toBe(87)
    expect(authority.getStatus('other', limited(100)).used).toBe(13)
  })
})

describe('checkAll', () => {
  const minute = { key: 'minute', rule: limited(5), cost: 2 }
  const hour = { key: 'hour', rule: limited(3, { windowMs: 3_600_000 }), cost: 2 }

  it('admits all or consumes nothing of any', () => {
    const { authority } = setUp()
    expect(authority.checkAll([minute, hour])).toMatchObject([
      { verdicts: [true], available: 3 },
      { verdicts: [true], available: 1 },
    ])
    const replies = authority.checkAll([minute, hour])
    expect(replies).toMatchObject([
      { verdicts: [false], available: 3, retryAfterMs: 0 },
      { verdicts: [false], available: 1 },
    ])
    expect(replies[1]?.retryAfterMs).toBeGreaterThan(0)
  })

  it('adds up costs of one key', () => {
    const { authority } = setUp()
    const verdicts = authority.checkAll([minute, minute, minute]).map((reply) => reply.verdicts[0])
    expect(verdicts).toEqual([false, false, false])
    expect(authority.checkAll([minute, minute])).toMatchObject([{ available: 1 }, { available: 1 }])
  })

  it('counts each key once also where memory holds fewer than are asked for', () => {
    const { authority } = setUp({ maxKeys: 1 })
    authority.checkAll([minute, hour, minute])
    expect(authority.getStatus('minute', minute.rule).used).toBe(4)
    expect(authority.getStatus('hour', hour.rule).used).toBe(2)
    expect(authority.checkAll([minute])).toMatchObject([{ verdicts: [false] }])
  })

  it('denies all where one key is blocked', () => {
    const { authority } = setUp()
    authority.change({ type: 'block', key: 'hour', ms: 5000 })
    expect(authority.checkAll([minute, hour])).toMatchObject([
      { verdicts: [false], blockedMs: 0, available: 5 },
      { verdicts: [false], blockedMs: 5000, retryAfterMs: 5000, available: 3 },
    ])
  })
})

describe('after a restart', () => {
  it('grants nothing twice, and loses no more than 2 % of the limit', () => {
    const { start, authority } = setUp()
    const rule = limited(1000)
    for (let check = 0; check < 500; check += 1) authority.acquire(ask({ rule }))
    const left = drain(start(), { rule })
    expect(left).toBeLessThanOrEqual(500)
    expect(left).toBeGreaterThanOrEqual(480)
  })

  it('loses nothing of a limit under 50', () => {
    const { start, authority } = setUp()
    authority.acquire(ask({ costs: [7] }))
    expect(drain(start())).toBe(3)
  })

  it('has cost one row for each 2 % of the limit, and none for denied calls', () => {
    const { authority, saves } = setUp()
    const rule = limited(1000)
    expect(drain(authority, { rule })).toBe(1000)
    expect(saves.length).toBeLessThanOrEqual(50)
    const written = saves.length
    for (let check = 0; check < 100; check += 1) authority.acquire(ask({ rule }))
    expect(saves.length).toBe(written)
  })

  it.each(['fixed-window', 'sliding-window', 'strict-sliding-window', 'token-bucket'] as const)(
    'takes nothing of a later window from what was kept in advance in an earlier one: %s',
    (algorithm) => {
      const { start, authority, clock } = setUp()
      const rule = limited(1000, { algorithm })
      authority.acquire(ask({ rule }))
      clock.nowMs += 60_000
      for (let check = 0; check < 15; check += 1) authority.acquire(ask({ rule }))
      clock.nowMs += 1000
      expect(start().getStatus('k', rule).used).toBeGreaterThanOrEqual(
        authority.getStatus('k', rule).used,
      )
    },
  )

  it('knows blocks, overrides and the epoch', () => {
    const { start, authority } = setUp()
    authority.change({ type: 'block', key: 'k', ms: 90_000 })
    authority.change({ type: 'override', key: 'k', override: { limit: 3, ttlMs: 600_000 } })
    expect(start().getStatus('k', fixed)).toMatchObject({
      limit: 3,
      blockedUntil: startMs + 90_000,
      override: { limit: 3, expiresAt: startMs + 600_000 },
    })
    expect(start().acquire(ask())).toMatchObject({ verdicts: [false], epoch: 2 })
  })

  it('does not go back in time', () => {
    const { start, authority, clock } = setUp()
    authority.acquire(ask())
    clock.nowMs -= 30_000
    expect(start().acquire(ask()).nowMs).toBe(startMs)
  })

  it('gives back nothing of before', () => {
    const { start, authority, clock } = setUp()
    const { nowMs } = authority.acquire(ask())
    clock.nowMs += 10
    const receipt = { id: 'r', cost: 1, admittedAtMs: nowMs }
    expect(start().change({ type: 'refund', key: 'k', rule: fixed, receipt })).toBe(false)
  })

  it('refills a bucket at the lower of two limits that were in force', () => {
    const { start, authority, clock } = setUp()
    const slow = limited(10, { algorithm: 'token-bucket', burst: 10 })
    drain(authority, { rule: slow })
    clock.nowMs += 12_000
    expect(start().getStatus('k', { ...slow, limit: 1000 }).remaining).toBe(2)
  })

  it('resumes from memory that was let go as from a restart', () => {
    const { authority } = setUp({ maxKeys: 2 })
    expect(drain(authority)).toBe(10)
    for (const key of ['a', 'b', 'c']) authority.acquire(ask({ key }))
    expect(drain(authority)).toBe(0)
  })
})
