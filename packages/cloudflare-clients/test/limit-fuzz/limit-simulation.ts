import type {
  AcquireReply,
  AcquireRequest,
  AuthorityChange,
  CheckAllReply,
  CheckAllRequest,
} from '../../src/lib/rate-limiter/authority-protocol.ts'
import { type HeldLimit, LeaseHolder } from '../../src/lib/rate-limiter/lease-holder.ts'
import type { LimitRule, RateLimitReceipt } from '../../src/lib/rate-limiter/rate-limit-backend.ts'
import { createSeededRandom } from '../../src/lib/testing/seeded-random.ts'
import { EventQueue } from './event-queue.ts'
import { LimitOracle } from './limit-oracle.ts'
import type { LimitPlan } from './limit-plan.ts'

/** The authority under test. What it keeps after a restart is what it has written to its storage, and nothing else. */
export interface SimulatedAuthority {
  acquire(request: AcquireRequest): AcquireReply
  checkAll(requests: readonly CheckAllRequest[]): CheckAllReply
  change(change: AuthorityChange): boolean
  restart(): void
  /** As its alarm does. */
  deleteIdle(): void
}

export interface LimitRun {
  readonly decisions: number
  readonly admitted: number
  readonly requests: number
  readonly refunds: number
  readonly violations: readonly string[]
  /** Admitted of what the first rule would have admitted at most. */
  readonly utilisation: number
}

interface Flight {
  readonly waiting: number[]
}

interface LimitedKey {
  readonly key: string
  readonly rule: LimitRule
  readonly oracle: LimitOracle
  blockedUntilMs: number
  overrides: number
}

interface Isolate {
  readonly name: string
  readonly offsetMs: number
  readonly leases: LeaseHolder<Flight>
  lastSeq: number
  isGone: boolean
}

type Held = HeldLimit<Flight>

const startMs = 1_700_000_000_000

/**
 * Runs one configuration: real lease holders and a real authority, and between them a network that delays, loses, repeats and
 * reorders. Time is virtual, and everything follows from the plan's seed.
 */
export class LimitSimulation {
  readonly #plan: LimitPlan
  readonly #random: () => number
  readonly #queue: EventQueue
  readonly #authority: SimulatedAuthority
  readonly #keys: readonly LimitedKey[]
  readonly #isolates: Isolate[]
  readonly #violations: string[] = []
  readonly #startMs: number
  #names = 0
  #requests = 0
  #refunds = 0

  constructor(plan: LimitPlan, createAuthority: (now: () => number) => SimulatedAuthority) {
    this.#plan = plan
    this.#random = createSeededRandom(plan.seed)
    const windowMs = plan.rules[0]?.windowMs ?? 1000
    this.#startMs = Math.ceil(startMs / windowMs) * windowMs
    this.#queue = new EventQueue(this.#startMs)
    this.#authority = createAuthority(() => this.#queue.nowMs)
    this.#keys = plan.rules.map((rule, index) => ({
      key: `limit-${index}`,
      rule,
      oracle: new LimitOracle(rule),
      blockedUntilMs: 0,
      overrides: 0,
    }))
    this.#isolates = Array.from({ length: plan.holders }, () => this.#createIsolate())
  }

  run(): LimitRun {
    const plan = this.#plan
    const rates = this.#keys.map(({ rule }) => rule.limit / rule.windowMs)
    const callsPerMs =
      (plan.demand * rates.reduce((sum, rate) => sum + rate, 0)) / (1 + (plan.maxCost - 1) / 4)
    this.#scheduleTrouble(callsPerMs)

    let decisions = 0
    let atMs = this.#startMs
    while (decisions < plan.decisions && this.#violations.length === 0) {
      const burst = plan.isBursty ? Math.ceil(this.#random() * 40) : 1
      atMs += (this.#exponential() * burst) / callsPerMs
      this.#queue.runUntil(Math.floor(atMs))
      for (let call = 0; call < burst; call++) this.#call(this.#pickKey(rates))
      decisions += burst
      if (this.#keys.some(({ oracle }) => oracle.violation !== undefined)) break
    }
    for (const { rule, oracle } of this.#keys) {
      if (oracle.violation === undefined) continue
      this.#violations.push(`${JSON.stringify(rule)} ${JSON.stringify(oracle.violation)}`)
    }
    return {
      decisions,
      admitted: this.#keys.reduce((sum, { oracle }) => sum + oracle.admittedCost, 0),
      requests: this.#requests,
      refunds: this.#refunds,
      violations: this.#violations,
      utilisation: this.#utilisation(),
    }
  }

  #call(limited: LimitedKey): void {
    const plan = this.#plan
    const isolate = this.#pickIsolate()
    const cost = plan.maxCost === 1 ? 1 : Math.ceil(this.#random() ** 3 * plan.maxCost) || 1
    if (plan.checkAllRate > 0 && this.#random() < plan.checkAllRate) {
      this.#checkAll(cost)
      return
    }
    const held = isolate.leases.of(limited)
    if (plan.exactRate > 0 && this.#random() < plan.exactRate) {
      this.#askAlone({ isolate, held, limited }, cost)
      return
    }
    held.arrived += cost
    if (this.#decide({ isolate, held, limited }, cost)) {
      const canFetch = plan.hasPrefetch && held.flight === undefined
      if (canFetch && held.shouldPrefetch) {
        this.#share({ isolate, held, limited }, [])
      }
    } else if (held.flight === undefined) this.#share({ isolate, held, limited }, [cost])
    else held.flight.waiting.push(cost)
  }

  /** @returns Whether what is held was enough to decide. */
  #decide({ isolate, held, limited }: Asking, cost: number): boolean {
    const result = held.decide(cost, this.#clockOf(isolate))
    if (result?.receipt !== undefined) this.#admit(limited, result.receipt)
    return result !== undefined
  }

  #admit(limited: LimitedKey, receipt: RateLimitReceipt): void {
    const admission = limited.oracle.admit(receipt.cost, this.#queue.nowMs)
    const { refundRate } = this.#plan
    if (refundRate > 0 && this.#random() < refundRate) this.#refund(limited, receipt, admission)
  }

  /** As a shared request of the lease backend: one under way for each holder and key. */
  #share(asking: Asking, costs: readonly number[]): void {
    const { isolate, held } = asking
    const flight: Flight = { waiting: [] }
    held.flight = flight
    const isCurrent = (): boolean => held.flight === flight && !isolate.isGone
    this.#acquire(asking, { costs, isShared: true, isCurrent }, () => {
      held.flight = undefined
      this.#serve(asking, flight.waiting)
    })
    this.#queue.after(this.#plan.abandonAfterMs, () => {
      if (!isCurrent()) return
      held.flight = undefined
      for (const cost of flight.waiting) this.#askAlone(asking, cost)
    })
  }

  #serve(asking: Asking, waiting: readonly number[]): void {
    const unserved = waiting.filter((cost) => !this.#decide(asking, cost))
    if (unserved.length > 0) this.#share(asking, unserved)
  }

  #askAlone(asking: Asking, cost: number): void {
    const isCurrent = (): boolean => !asking.isolate.isGone
    this.#acquire(asking, { costs: [cost], isShared: false, isCurrent }, () => undefined)
  }

  #acquire(
    { isolate, held, limited }: Asking,
    { costs, isShared, isCurrent }: AcquireCall,
    whenLearned: () => void,
  ): void {
    const sentAtMs = this.#clockOf(isolate)
    const seq = ++isolate.lastSeq
    const receiptPrefix = `${isolate.name}.${seq}.`
    const waitingCost = costs.reduce((sum, cost) => sum + cost, 0)
    const want = isShared ? held.want(sentAtMs, waitingCost) : 0
    const request: AcquireRequest = {
      key: limited.key,
      rule: limited.rule,
      holder: isShared ? isolate.name : '',
      seq,
      costs,
      want,
    }
    // What comes twice is one call, admitted by either.
    const isAdmitted = costs.map(() => false)
    let isUsed = false
    const handle = (): AcquireReply => {
      const reply = this.#authority.acquire(request)
      this.#checkBlock(limited, reply)
      costs.forEach((cost, index) => {
        if (isAdmitted[index] === true || reply.verdicts[index] !== true) return
        isAdmitted[index] = true
        this.#admit(limited, { id: `${receiptPrefix}${index}`, cost, admittedAtMs: reply.nowMs })
      })
      return reply
    }
    this.#send(handle, (reply) => {
      if (isUsed || !isCurrent()) return
      isUsed = true
      const receivedAtMs = this.#clockOf(isolate)
      held.learn(reply, { costs, want, sentAtMs, receivedAtMs, receiptPrefix })
      whenLearned()
    })
  }

  #checkAll(cost: number): void {
    const name = `all-${++this.#names}`
    const requests = this.#keys.map(({ key, rule }) => ({ key, rule, cost }))
    const handle = (): void => {
      const replies = this.#authority.checkAll(requests)
      if (new Set(replies.map(({ verdicts }) => verdicts[0])).size > 1) {
        this.#violations.push('checkAll admitted some and not all')
      }
      replies.forEach((reply, index) => {
        const limited = this.#keys[index]
        if (limited === undefined || reply.verdicts[0] !== true) return
        this.#checkBlock(limited, reply)
        this.#admit(limited, { id: `${name}.${index}`, cost, admittedAtMs: reply.nowMs })
      })
    }
    // The runtime runs a call once however often it tries, and this one has no number that could tell.
    this.#queue.after(this.#latency(), handle)
  }

  #refund(limited: LimitedKey, receipt: RateLimitReceipt, admission: number): void {
    const { key, rule, oracle } = limited
    const cost = this.#random() < 0.5 ? receipt.cost : Math.ceil(this.#random() * receipt.cost)
    let isGivenBack = false
    const handle = (): void => {
      const change: AuthorityChange = { type: 'refund', key, rule, receipt: { ...receipt, cost } }
      if (!this.#authority.change(change)) return
      if (isGivenBack) this.#violations.push(`refunded ${receipt.id} twice`)
      isGivenBack = true
      this.#refunds++
      oracle.refund(admission, cost)
    }
    this.#queue.after(Math.floor((this.#exponential() * rule.windowMs) / 3), () => {
      this.#send(handle, () => undefined)
    })
  }

  #checkBlock({ key, blockedUntilMs }: LimitedKey, { verdicts, lease, nowMs }: AcquireReply): void {
    // What comes twice is granted once: the first time it may have been before the block.
    if (this.#queue.nowMs >= blockedUntilMs || nowMs < this.#queue.nowMs) return
    if (lease > 0 || verdicts.includes(true)) this.#violations.push(`${key} granted while blocked`)
  }

  #send<Reply>(handle: () => Reply, onReply: (reply: Reply) => void): void {
    const { lossRate, duplicateRate } = this.#plan
    const copies = duplicateRate > 0 && this.#random() < duplicateRate ? 2 : 1
    this.#requests++
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < lossRate) continue
      this.#queue.after(this.#latency(), () => {
        const reply = handle()
        if (this.#random() < lossRate) return
        this.#queue.after(this.#latency(), () => {
          onReply(reply)
        })
      })
    }
  }

  #scheduleTrouble(callsPerMs: number): void {
    const plan = this.#plan
    const every = (meanMs: number, act: () => void): void => {
      // Where nothing is called, nothing is learned from what goes wrong.
      const delayMs = Math.floor(this.#exponential() * Math.max(meanMs, 5 / callsPerMs))
      this.#queue.after(delayMs, () => {
        act()
        every(meanMs, act)
      })
    }
    const scheduled: readonly (readonly [number, () => void])[] = [
      [
        plan.authorityLifeMs,
        () => {
          this.#authority.restart()
        },
      ],
      [
        plan.holderLifeMs / plan.holders,
        () => {
          const index = Math.floor(this.#random() * this.#isolates.length)
          const gone = this.#isolates[index]
          if (gone !== undefined) gone.isGone = true
          this.#isolates[index] = this.#createIsolate()
        },
      ],
      [
        plan.deleteIdleEveryMs,
        () => {
          this.#authority.deleteIdle()
        },
      ],
      [
        plan.resetEveryMs,
        () => {
          this.#reset(this.#anyKey())
        },
      ],
      [
        plan.blockEveryMs,
        () => {
          this.#block(this.#anyKey())
        },
      ],
      [
        plan.overrideEveryMs,
        () => {
          this.#override(this.#anyKey())
        },
      ],
    ]
    for (const [meanMs, act] of scheduled) if (meanMs < Infinity) every(meanMs, act)
  }

  #reset({ key, oracle }: LimitedKey): void {
    this.#authority.change({ type: 'reset', key })
    oracle.reset()
    this.#pickIsolate().leases.drop(key)
  }

  #block(limited: LimitedKey): void {
    const ms = this.#random() < 0.2 ? 0 : Math.ceil(this.#random() * limited.rule.windowMs)
    this.#authority.change({ type: 'block', key: limited.key, ms })
    limited.blockedUntilMs = this.#queue.nowMs + ms
  }

  #override(limited: LimitedKey): void {
    const { key, rule, oracle } = limited
    const number = ++limited.overrides
    const limit = this.#random() < 0.2 ? rule.limit : Math.ceil(this.#random() * 2 * rule.limit)
    const ttlMs =
      this.#random() < 0.5 ? undefined : Math.ceil(this.#random() * 2 * rule.windowMs) + 1
    const override =
      limit === rule.limit ? null : { limit, ...(ttlMs === undefined ? {} : { ttlMs }) }
    this.#authority.change({ type: 'override', key, override })
    oracle.setLimit(limit, this.#queue.nowMs)
    if (override === null || ttlMs === undefined) return
    this.#queue.after(ttlMs, () => {
      if (limited.overrides === number) oracle.setLimit(rule.limit, this.#queue.nowMs)
    })
  }

  #createIsolate(): Isolate {
    const { guardMs, maxOffsetMs } = this.#plan
    const leases = new LeaseHolder<Flight>({
      guardMs,
      maxKeys: 100,
      maxDenyMs: 60_000,
      maxLeaseMs: 60_000,
    })
    const offsetMs = Math.round((this.#random() * 2 - 1) * maxOffsetMs)
    return { name: `isolate-${++this.#names}`, offsetMs, leases, lastSeq: 0, isGone: false }
  }

  /** Off by a fixed difference, and standing still between I/O for as long as the guard allows. */
  #clockOf({ offsetMs }: Isolate): number {
    const stoodStillMs = Math.floor(this.#random() * (this.#plan.guardMs + 1))
    return this.#queue.nowMs + offsetMs - stoodStillMs
  }

  #pickIsolate(): Isolate {
    const { holders, isSkewed } = this.#plan
    const index = isSkewed && this.#random() < 0.7 ? 0 : Math.floor(this.#random() * holders)
    const isolate = this.#isolates[index]
    if (isolate === undefined) throw new Error('Cannot call: there is no isolate')
    return isolate
  }

  #pickKey(rates: readonly number[]): LimitedKey {
    const [only] = this.#keys
    if (only === undefined) throw new Error('Cannot call: there is no limit')
    if (this.#keys.length === 1) return only
    let drawn = this.#random() * rates.reduce((sum, rate) => sum + rate, 0)
    return this.#keys.find((_, index) => (drawn -= rates[index] ?? 0) < 0) ?? only
  }

  #anyKey(): LimitedKey {
    return this.#pickKey(this.#keys.map(() => 1))
  }

  #latency(): number {
    const { latencyMs, tailMs } = this.#plan
    const tail = this.#random() < 0.1 ? this.#random() * tailMs : 0
    return Math.floor(latencyMs * (0.5 + this.#random()) + tail)
  }

  #exponential(): number {
    return -Math.log(1 - this.#random())
  }

  #utilisation(): number {
    const [first] = this.#keys
    if (first === undefined) return 0
    const { rule, oracle } = first
    const windows = (this.#queue.nowMs - this.#startMs) / rule.windowMs
    const demandedInLast = Math.min(1, (windows % 1) * this.#plan.demand)
    const capacity =
      rule.algorithm === 'token-bucket'
        ? rule.burst + windows * rule.limit
        : (Math.floor(windows) + demandedInLast) * rule.limit
    return oracle.admittedCost / capacity
  }
}

interface Asking {
  readonly isolate: Isolate
  readonly held: Held
  readonly limited: LimitedKey
}

interface AcquireCall {
  readonly costs: readonly number[]
  readonly isShared: boolean
  readonly isCurrent: () => boolean
}
