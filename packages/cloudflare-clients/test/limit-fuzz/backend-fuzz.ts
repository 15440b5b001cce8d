import type {
  AcquireReply,
  AcquireRequest,
  AuthorityNamespace,
} from '../../src/lib/rate-limiter/authority-protocol.ts'
import { leaseBackend } from '../../src/lib/rate-limiter/lease-backend.ts'
import type {
  BackendCheck,
  BackendResult,
  RateLimitBackend,
} from '../../src/lib/rate-limiter/rate-limit-backend.ts'
import { createSeededRandom } from '../../src/lib/testing/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../../src/lib/testing/virtual-clock.ts'
import type { FuzzRange } from './limit-fuzz.ts'
import { LimitOracle } from './limit-oracle.ts'
import { createPlan, type LimitPlan } from './limit-plan.ts'
import type { SimulatedAuthority } from './limit-simulation.ts'
import { createRestartableAuthority } from './restartable-authority.ts'

export interface BackendFuzzSummary {
  readonly configurations: number
  readonly decisions: number
  readonly requests: number
  readonly violations: readonly string[]
}

interface Isolate {
  readonly name: string
  readonly backend: RateLimitBackend
  /** What the authority was asked and what it said, by the number of the request. */
  readonly asked: Map<number, { readonly request: AcquireRequest; readonly reply: AcquireReply }>
  isGone: boolean
}

interface Limited {
  readonly subject: Omit<BackendCheck, 'cost' | 'exact'>
  readonly oracle: LimitOracle
}

const maxDecisions = 1500
const maxHolders = 8

/**
 * The same plans with the lease backend as it is used: calls that wait for each other's requests, requests that fail or never
 * come back, and timers. What a caller is told is held against what the authority said.
 */
export async function runBackendFuzz({
  firstSeed,
  runs,
  maxViolations = 10,
}: FuzzRange): Promise<BackendFuzzSummary> {
  let [configurations, decisions, requests] = [0, 0, 0]
  const violations: string[] = []
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const run = new BackendSimulation(createPlan(seed))
    await run.run()
    configurations++
    decisions += run.decisions
    requests += run.requests
    for (const violation of run.violations) violations.push(`backend, seed ${seed}: ${violation}`)
    if (violations.length >= maxViolations) break
  }
  return { configurations, decisions, requests, violations }
}

class BackendSimulation {
  readonly violations: string[] = []
  decisions = 0
  requests = 0
  readonly #plan: LimitPlan
  readonly #random: () => number
  readonly #clock: VirtualClock = createVirtualClock()
  readonly #authority: SimulatedAuthority
  readonly #limits: readonly Limited[]
  readonly #isolates: Isolate[]
  /** No two admissions share one: what is given back is known by it. */
  readonly #receipts = new Set<string>()
  #names = 0

  constructor(plan: LimitPlan) {
    this.#plan = plan
    this.#random = createSeededRandom(`backend-${plan.seed}`)
    this.#authority = createRestartableAuthority(this.#clock.now)
    this.#limits = plan.rules.map((rule, index) => ({
      subject: { identifier: 'user', keyPrefix: `limit-${index}`, key: `limit-${index}`, rule },
      oracle: new LimitOracle(rule),
    }))
    const holders = Math.min(maxHolders, plan.holders)
    this.#isolates = Array.from({ length: holders }, () => this.#createIsolate())
  }

  async run(): Promise<void> {
    const { demand, isBursty, decisions, rules } = this.#plan
    const callsPerMs = rules.reduce((sum, { limit, windowMs }) => sum + limit / windowMs, 0)
    const all = Math.min(maxDecisions, decisions)
    await this.#clock.run(async () => {
      while (this.decisions < all && this.violations.length === 0) {
        const burst = isBursty ? Math.ceil(this.#random() * 40) : 1
        const pauseMs = (this.#exponential() * burst) / (demand * callsPerMs)
        // In whole ones, as clocks here are, and as long in the mean.
        await this.#clock.sleep(Math.floor(pauseMs + this.#random()))
        this.#meetTrouble(burst / all)
        for (let call = 0; call < burst; call++) this.#call()
        this.#findViolations()
      }
    })
  }

  #call(): void {
    this.decisions++
    const { maxCost, exactRate } = this.#plan
    const isolate = this.#pick(this.#isolates)
    const limited = this.#pick(this.#limits)
    const cost = maxCost === 1 ? 1 : Math.ceil(this.#random() ** 3 * maxCost) || 1
    const exact = this.#random() < exactRate
    isolate.backend.check({ ...limited.subject, cost, exact }).then(
      (result) => {
        if (result.allowed && !isolate.isGone) this.#admit(result, { isolate, limited, cost })
      },
      () => undefined,
    )
  }

  #admit({ receipt }: BackendResult, { isolate, limited, cost }: AdmittedCall): void {
    const id = receipt?.id ?? ''
    const [, seq, index] = id.split('.').map(Number)
    const asked = isolate.asked.get(seq ?? 0)
    if (asked === undefined || index === undefined || this.#receipts.has(id)) {
      this.violations.push(`the receipt "${id}" is of no request, or of another admission too`)
      return
    }
    this.#receipts.add(id)
    const { costs } = asked.request
    if (receipt?.cost !== cost) {
      this.violations.push(`"${id}" is not of ${cost}`)
    } else if (index >= costs.length) {
      limited.oracle.admit(cost, this.#clock.now())
    } else if (asked.reply.verdicts[index] !== true || costs[index] !== cost) {
      // It was counted where it was decided.
      this.violations.push(`the authority did not admit "${id}"`)
    }
  }

  #createIsolate(): Isolate {
    const { guardMs, maxOffsetMs, hasPrefetch } = this.#plan
    const offsetMs = Math.round((this.#random() * 2 - 1) * maxOffsetMs)
    const name = `isolate-${++this.#names}`
    const asked: Isolate['asked'] = new Map()
    const backend = leaseBackend(this.#namespaceFor(asked), {
      holderId: name,
      guardMs,
      timers: this.#clock,
      now: () => this.#clock.now() + offsetMs - Math.floor(this.#random() * (guardMs + 1)),
      ...(hasPrefetch && { waitUntil: () => undefined }),
    })
    return { name, backend, asked, isGone: false }
  }

  #namespaceFor(asked: Isolate['asked']): AuthorityNamespace {
    const authority = this.#authority
    return {
      getByName: () => ({
        acquire: (request) =>
          this.#send(() => {
            const reply = authority.acquire(request)
            const limited = this.#limits.find(({ subject }) => subject.key === request.key)
            request.costs.forEach((cost, index) => {
              if (reply.verdicts[index] === true) limited?.oracle.admit(cost, this.#clock.now())
            })
            asked.set(request.seq, { request, reply })
            return reply
          }),
        checkAll: () => Promise.reject(new Error('Nobody checks several here')),
        change: () => Promise.reject(new Error('Nobody changes a limit from here')),
        getStatus: () => Promise.reject(new Error('Nobody asks for a status here')),
      }),
    }
  }

  /** What is lost fails after a while, or never comes back, as where the request that waits for it is over. */
  #send<Reply>(handle: () => Reply): Promise<Reply> {
    this.requests++
    return new Promise((resolve, reject) => {
      const isLost = (): boolean => {
        if (this.#random() >= this.#plan.lossRate) return false
        if (this.#random() < 0.5) reject(new Error('It was lost'))
        return true
      }
      this.#clock.setTimeout(() => {
        if (isLost()) return
        const reply = handle()
        this.#clock.setTimeout(() => {
          if (!isLost()) resolve(reply)
        }, this.#latency())
      }, this.#latency())
    })
  }

  #meetTrouble(share: number): void {
    const plan = this.#plan
    const happens = (everyMs: number, times: number): boolean =>
      everyMs < Infinity && this.#random() < share * times
    if (happens(plan.authorityLifeMs, 10)) this.#authority.restart()
    if (happens(plan.holderLifeMs, 30)) {
      const index = Math.floor(this.#random() * this.#isolates.length)
      const gone = this.#isolates[index]
      if (gone !== undefined) gone.isGone = true
      this.#isolates[index] = this.#createIsolate()
    }
    if (happens(plan.resetEveryMs, 5)) {
      const { subject, oracle } = this.#pick(this.#limits)
      this.#authority.change({ type: 'reset', key: subject.key })
      oracle.reset()
    }
    if (happens(plan.overrideEveryMs, 5)) {
      const { subject, oracle } = this.#pick(this.#limits)
      const limit = Math.ceil(this.#random() * 2 * subject.rule.limit)
      this.#authority.change({ type: 'override', key: subject.key, override: { limit } })
      oracle.setLimit(limit, this.#clock.now())
    }
  }

  #findViolations(): void {
    for (const { subject, oracle } of this.#limits) {
      if (oracle.violation === undefined) continue
      this.violations.push(`${JSON.stringify(subject.rule)} ${JSON.stringify(oracle.violation)}`)
    }
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.#random() * from.length)]
    if (picked === undefined) throw new Error('Cannot pick: there is nothing to pick from')
    return picked
  }

  #latency(): number {
    const { latencyMs, tailMs } = this.#plan
    const tail = this.#random() < 0.1 ? this.#random() * tailMs : 0
    return Math.floor(latencyMs * (0.5 + this.#random()) + tail)
  }

  #exponential(): number {
    return -Math.log(1 - this.#random())
  }
}

interface AdmittedCall {
  readonly isolate: Isolate
  readonly limited: Limited
  readonly cost: number
}
