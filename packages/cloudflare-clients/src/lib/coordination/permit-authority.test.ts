import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PermitReply } from './coordination-calls.ts'
import { MemoryStorage } from './memory-storage.ts'
import { offerMs, PermitAuthority } from './permit-authority.ts'

interface Ask {
  readonly limit?: number
  readonly ttlMs?: number
  readonly waitMs?: number
}

/** An authority on a clock that moves when a test says so, with every reply by the id it was for. */
class Desk {
  nowMs = 1_000_000
  readonly replies = new Map<string, PermitReply>()
  /** In the order in which they came. */
  readonly served: string[] = []
  readonly #storage = new MemoryStorage()
  readonly #maxWaiters: number
  authority: PermitAuthority

  constructor(maxWaiters = 1000) {
    this.#maxWaiters = maxWaiters
    this.authority = this.#open()
  }

  ask(id: string, { limit = 1, ttlMs = 10_000, waitMs = 0 }: Ask = {}): PermitReply | undefined {
    const deliver = (reply: PermitReply): void => {
      this.replies.set(id, reply)
      this.served.push(id)
    }
    const reply = this.authority.acquire({ id, limit, ttlMs, waitMs }, deliver)
    if (reply !== undefined) this.replies.set(id, reply)
    return reply
  }

  advance(ms: number): void {
    this.nowMs += ms
    this.authority.advance()
  }

  restart(): void {
    this.authority = this.#open()
  }

  countRows(): number {
    return [...this.#storage.list({ prefix: '' })].length
  }

  #open(): PermitAuthority {
    const options = { now: () => this.nowMs, maxWaiters: this.#maxWaiters }
    return new PermitAuthority(this.#storage, options)
  }
}

const busy = { status: 'refused', reason: 'busy' }

describe('a permit', () => {
  test('is held by one at a time, up to the last millisecond of its time', () => {
    const desk = new Desk()
    expect(desk.ask('a')).toMatchObject({ status: 'granted', expiresInMs: 10_000 })
    desk.advance(9999)
    expect(desk.ask('b')).toEqual(busy)
    desk.advance(1)
    expect(desk.ask('c')).toMatchObject({ status: 'granted' })
    expect(desk.authority.renew({ id: 'a', ttlMs: 1000 })).toBeNull()
    expect(desk.authority.release('a')).toBe(false)
  })

  test('is given to as many as the limit says, and a lower limit calls none back', () => {
    const desk = new Desk()
    for (const id of ['a', 'b', 'c']) desk.ask(id, { limit: 3 })
    expect(desk.ask('d', { limit: 3 })).toEqual(busy)
    desk.authority.release('a')
    expect(desk.ask('e', { limit: 2 })).toEqual(busy)
    desk.authority.release('b')
    expect(desk.ask('f', { limit: 2 })).toMatchObject({ status: 'granted' })
    expect(desk.authority.getStatus()).toEqual({ held: 2, waiting: 0 })
  })

  test('is the same when its holder asks again', () => {
    const desk = new Desk()
    const reply = desk.ask('a')
    expect(desk.ask('a')).toEqual(reply)
    expect(desk.authority.getStatus()).toEqual({ held: 1, waiting: 0 })
  })

  test('is renewed from now on, and never shortened', () => {
    const desk = new Desk()
    desk.ask('a')
    desk.advance(8000)
    expect(desk.authority.renew({ id: 'a', ttlMs: 10_000 })).toBe(10_000)
    expect(desk.authority.renew({ id: 'a', ttlMs: 1000 })).toBe(10_000)
    desk.advance(9999)
    expect(desk.ask('b')).toEqual(busy)
  })

  test('is not forgotten in a restart, and neither is its token', () => {
    const desk = new Desk()
    const first = desk.ask('a') as { fencingToken: number }
    desk.restart()
    expect(desk.ask('b')).toEqual(busy)
    expect(desk.authority.release('a')).toBe(true)
    desk.restart()
    // The same millisecond: the time alone would give the same token.
    expect(desk.ask('b')).toMatchObject({ fencingToken: first.fencingToken + 1 })
  })

  test('has a greater token after all rows were deleted', () => {
    const desk = new Desk()
    const first = desk.ask('a') as { fencingToken: number }
    expect(desk.authority.overAtMs()).toBe(1_010_000)
    desk.advance(10_000)
    desk.authority.deleteRows()
    expect(desk.countRows()).toBe(0)
    desk.restart()
    const second = desk.ask('b') as { fencingToken: number }
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken)
  })
})

describe('the line', () => {
  test('is served in the order of arrival, also to one who would need less', () => {
    const desk = new Desk()
    desk.ask('a', { limit: 2 })
    desk.ask('b', { limit: 2 })
    desk.ask('first', { limit: 1, waitMs: 60_000 })
    desk.ask('second', { limit: 2, waitMs: 60_000 })
    desk.authority.release('a')
    expect(desk.served).toEqual([])
    expect(desk.ask('late', { limit: 2 })).toEqual(busy)
    desk.authority.release('b')
    expect(desk.served).toEqual(['first', 'second'])
  })

  test('counts the time of what it offers from the arrival of who waits', () => {
    const desk = new Desk()
    desk.ask('a')
    desk.advance(1000)
    desk.ask('b', { waitMs: 60_000 })
    expect(desk.authority.nextEventAtMs()).toBe(1_010_000)
    desk.advance(9000)
    expect(desk.replies.get('b')).toMatchObject({ status: 'offered', expiresInMs: 9000 + offerMs })
    expect(desk.authority.renew({ id: 'b', ttlMs: 10_000 })).toBe(10_000)
  })

  test('passes over who does not take what it is offered', () => {
    const desk = new Desk()
    desk.ask('a')
    desk.ask('vanished', { waitMs: 60_000 })
    desk.ask('b', { waitMs: 60_000 })
    desk.authority.release('a')
    expect(desk.served).toEqual(['vanished'])
    desk.advance(offerMs - 1)
    expect(desk.served).toEqual(['vanished'])
    desk.advance(1)
    expect(desk.served).toEqual(['vanished', 'b'])
    expect(desk.authority.renew({ id: 'vanished', ttlMs: 1000 })).toBeNull()
  })

  test('is left at the end of the time to wait, and when who waits says so', () => {
    const desk = new Desk()
    desk.ask('a')
    desk.ask('patient', { waitMs: 9000 })
    desk.ask('hasty', { waitMs: 2000 })
    desk.ask('leaving', { waitMs: 9000 })
    expect(desk.authority.release('leaving')).toBe(true)
    desk.advance(2000)
    expect(desk.served).toEqual(['leaving', 'hasty'])
    expect(desk.replies.get('hasty')).toEqual({ status: 'refused', reason: 'timed_out' })
    expect(desk.authority.getStatus()).toEqual({ held: 1, waiting: 1 })
  })

  test('has an end', () => {
    const desk = new Desk(2)
    for (const id of ['a', 'b', 'c']) desk.ask(id, { waitMs: 1000 })
    expect(desk.ask('d', { waitMs: 1000 })).toEqual({ status: 'refused', reason: 'line_full' })
  })

  test('gets the result that the holder settles, as does who asks in its time', () => {
    const desk = new Desk()
    desk.ask('winner')
    desk.ask('loser', { waitMs: 60_000 })
    const result = { json: '1' }
    expect(desk.authority.settle({ id: 'loser', result, resultTtlMs: 5000 })).toBe(false)
    expect(desk.authority.settle({ id: 'winner', result, resultTtlMs: 5000 })).toBe(true)
    expect(desk.replies.get('loser')).toEqual({ status: 'settled', result })
    desk.restart()
    desk.advance(4999)
    expect(desk.ask('late')).toEqual({ status: 'settled', result })
    desk.advance(1)
    expect(desk.ask('later')).toMatchObject({ status: 'granted' })
  })
})

type Step =
  | { readonly do: 'ask'; readonly ttlMs: number; readonly waitMs: number }
  | { readonly do: 'renew' | 'release'; readonly index: number; readonly ttlMs: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'restart'; readonly backMs: number }

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      ttlMs: fc.integer({ min: 1, max: 12_000 }),
      waitMs: fc.constantFrom(0, 1, 3000, 50_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('renew' as const, 'release' as const),
      index: fc.nat(30),
      ttlMs: fc.integer({ min: 1, max: 12_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(0, 1, 500, 4000, 6000, 20_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      backMs: fc.constantFrom(0, 5, 3000),
    }),
  },
)

/** What all were told, and nothing else: who may believe what. */
class Oracle {
  readonly desk = new Desk()
  readonly #limit: number
  readonly #ids: string[] = []
  readonly #arrivedAtMs = new Map<string, number>()
  readonly #held = new Map<string, number>()
  #waiting: string[] = []
  #token = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  take(step: Step): void {
    const { desk } = this
    const servedBefore = desk.served.length
    if (step.do === 'advance') desk.nowMs += step.ms
    this.#endOver()
    if (step.do === 'advance') desk.advance(0)
    else if (step.do === 'ask') this.#ask(step)
    else if (step.do === 'restart') {
      // A machine whose clock is behind that of the last.
      desk.nowMs -= step.backMs
      desk.restart()
      this.#waiting = []
    } else {
      const id = this.#ids[step.index]
      if (id === undefined) return
      if (step.do === 'release') {
        this.#held.delete(id)
        desk.authority.release(id)
      } else {
        const expiresInMs = desk.authority.renew({ id, ttlMs: step.ttlMs })
        if (this.#held.has(id)) expect(expiresInMs).not.toBeNull()
        if (expiresInMs !== null) this.#held.set(id, desk.nowMs + expiresInMs)
      }
    }
    for (const id of desk.served.slice(servedBefore)) this.#serve(id)
    expect(this.#held.size).toBeLessThanOrEqual(this.#limit)
    const { held, waiting } = desk.authority.getStatus()
    // More where a clock went back: what was over by the last one may not be by this one.
    expect(held).toBeGreaterThanOrEqual(this.#held.size)
    expect(held).toBeLessThanOrEqual(this.#limit)
    expect(waiting).toBe(this.#waiting.length)
    // Nobody waits for what is free.
    if (waiting > 0) expect(held).toBe(this.#limit)
  }

  #ask({ ttlMs, waitMs }: Extract<Step, { do: 'ask' }>): void {
    const id = `id-${this.#ids.length}`
    this.#ids.push(id)
    this.#arrivedAtMs.set(id, this.desk.nowMs)
    const before = this.desk.served.length
    const reply = this.desk.ask(id, { limit: this.#limit, ttlMs, waitMs })
    for (const served of this.desk.served.slice(before)) expect(served).not.toBe(id)
    if (reply === undefined) this.#waiting.push(id)
    else if (reply.status === 'granted') {
      expect(
        this.#waiting.filter((other) => !this.desk.served.slice(before).includes(other)),
      ).toEqual([])
      this.#hold(id, reply)
    }
  }

  #serve(id: string): void {
    const reply = this.desk.replies.get(id)
    if (reply?.status === 'offered') {
      expect(this.#waiting[0]).toBe(id)
      this.#hold(id, reply)
    }
    this.#waiting = this.#waiting.filter((other) => other !== id)
  }

  #hold(id: string, reply: { readonly fencingToken: number; readonly expiresInMs: number }): void {
    expect(reply.fencingToken).toBeGreaterThan(this.#token)
    this.#token = reply.fencingToken
    const expiresAtMs = (this.#arrivedAtMs.get(id) ?? 0) + reply.expiresInMs
    if (expiresAtMs > this.desk.nowMs) this.#held.set(id, expiresAtMs)
  }

  #endOver(): void {
    for (const [id, expiresAtMs] of this.#held) {
      if (expiresAtMs <= this.desk.nowMs) this.#held.delete(id)
    }
  }
}

test('whatever happens, nobody is over the limit or overtaken, and tokens grow', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.array(stepOf, { minLength: 10, maxLength: 60 }),
      (limit, steps) => {
        const oracle = new Oracle(limit)
        for (const step of steps) oracle.take(step)
      },
    ),
    { seed: 3, numRuns: 2000 },
  )
})
