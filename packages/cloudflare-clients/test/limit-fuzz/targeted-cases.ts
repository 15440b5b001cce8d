import type { AcquireReply } from '../../src/lib/rate-limiter/authority-protocol.ts'
import { HeldLimit } from '../../src/lib/rate-limiter/lease-holder.ts'
import type { LimitRule } from '../../src/lib/rate-limiter/rate-limit-backend.ts'
import { LimitOracle } from './limit-oracle.ts'
import { createRestartableAuthority } from './restartable-authority.ts'

export interface TargetedCase {
  readonly name: string
  /** @returns What was admitted beyond the promise. */
  readonly run: () => string | undefined
}

const windowMs = 60_000
const startMs = 1_700_000_040_000

/** One holder and one authority, with the network that the case wants. */
class Stage {
  nowMs = startMs
  readonly authority = createRestartableAuthority(() => this.nowMs)
  readonly oracle: LimitOracle
  readonly held: HeldLimit
  readonly #rule: LimitRule
  #seq = 0

  constructor(rule: LimitRule) {
    this.#rule = rule
    this.oracle = new LimitOracle(rule)
    const options = { maxKeys: 10, guardMs: 0, maxDenyMs: 60_000, maxLeaseMs: 60_000 }
    this.held = new HeldLimit(rule, options)
  }

  ask(costs: readonly number[], want: number): AcquireReply {
    const seq = ++this.#seq
    const holder = want > 0 ? 'holder' : ''
    const request = { key: 'key', rule: this.#rule, holder, seq, costs, want }
    const reply = this.authority.acquire(request)
    costs.forEach((cost, index) => {
      if (reply.verdicts[index] === true) this.oracle.admit(cost, this.nowMs)
    })
    return reply
  }

  lease(want: number): void {
    const sentAtMs = this.nowMs
    const reply = this.ask([], want)
    const receiptPrefix = `${this.#seq}.`
    this.held.learn(reply, { costs: [], want, sentAtMs, receivedAtMs: this.nowMs, receiptPrefix })
  }

  /** Spends all that is held. */
  spend(): void {
    while (this.outcome === undefined && this.held.decide(1, this.nowMs)?.allowed === true) {
      this.oracle.admit(1, this.nowMs)
    }
  }

  /** Takes one by one what the authority itself grants. */
  drain(): void {
    while (this.outcome === undefined && this.ask([1], 0).verdicts[0] === true);
  }

  get outcome(): string | undefined {
    const { violation } = this.oracle
    return violation === undefined ? undefined : JSON.stringify(violation)
  }
}

function ruleOf(algorithm: LimitRule['algorithm'], burst = 100): LimitRule {
  return { algorithm, limit: 100, windowMs, burst }
}

function hoard(stage: Stage): void {
  for (let lease = 0; lease < 40; lease++) stage.lease(10)
}

/** What random traffic seldom meets, played out. */
export const targetedCases: readonly TargetedCase[] = [
  {
    name: 'a token bucket whose leases are all spent at their end, together with what was refilled',
    run: () => {
      const stage = new Stage(ruleOf('token-bucket'))
      hoard(stage)
      stage.nowMs += 5999
      stage.spend()
      stage.drain()
      return stage.outcome
    },
  },
  {
    name: 'a strict window whose leases are spent at their end, and again a window after they were granted',
    run: () => {
      const stage = new Stage(ruleOf('strict-sliding-window'))
      stage.nowMs += 999
      hoard(stage)
      stage.nowMs += 1999
      stage.spend()
      stage.drain()
      for (let step = 0; step < 4000; step++) {
        stage.nowMs = startMs + windowMs - 1000 + step
        if (step % 7 === 0) stage.drain()
      }
      return stage.outcome
    },
  },
  {
    name: 'a strict window whose leases are held together with later ones',
    run: () => {
      const stage = new Stage(ruleOf('strict-sliding-window'))
      stage.nowMs += 999
      for (let lease = 0; lease < 3; lease++) stage.lease(10)
      stage.nowMs += 1901
      for (let lease = 0; lease < 2; lease++) stage.lease(1)
      stage.nowMs += 1999
      stage.spend()
      stage.drain()
      for (let second = 60; second < 65; second++) {
        stage.nowMs = startMs + second * 1000
        stage.drain()
      }
      return stage.outcome
    },
  },
  ...(['fixed-window', 'sliding-window', 'strict-sliding-window', 'token-bucket'] as const).map(
    (algorithm): TargetedCase => ({
      name: `a reset after a restart, while leases of a ${algorithm} are out`,
      run: () => {
        const stage = new Stage(ruleOf(algorithm))
        hoard(stage)
        stage.authority.restart()
        stage.authority.change({ type: 'reset', key: 'key' })
        stage.oracle.reset()
        stage.drain()
        stage.spend()
        return stage.outcome
      },
    }),
  ),
]
