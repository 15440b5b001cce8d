import { raceTimer, type Timers } from '../shared/timers.ts'
import type { AcquireReply, AuthorityChange, AuthorityNamespace } from './authority-protocol.ts'
import { type HeldLimit, LeaseHolder, type LeaseResult } from './lease-holder.ts'
import type { BackendCheck, LimitSubject, RateLimitBackend } from './rate-limit-backend.ts'

type KeyedSubject = Pick<LimitSubject, 'identifier' | 'keyPrefix' | 'key'>

export interface LeaseBackendOptions {
  /**
   * Keeps requests to the authority alive when the request that began them is over: pass the one from
   * `cloudflare:workers`. Without it leases are not renewed ahead of their end, and calls that share a request whose
   * client has gone wait for `takeoverMs`.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Default `Date.now`. How far it is from other clocks does not matter. */
  readonly now?: () => number
  /** Default: the global ones. */
  readonly timers?: Timers
  /**
   * How long before its end a lease is no longer spent, in ms, at least 0. A Worker's clock stands still between I/O: raise
   * it where a request computes for longer than this before it asks. Default 20.
   */
  readonly guardMs?: number
  /** How long a call waits for a request that another began before it asks for itself, in ms, above 0. Default 300. */
  readonly takeoverMs?: number
  /** How many limits an isolate holds at most, at least 2. Those not asked for longest are forgotten. Default 10,000. */
  readonly maxKeys?: number
  /** How long a denial is repeated without asking, in ms. A reset or a raised limit is known by then. Default 60,000. */
  readonly maxDenyMs?: number
  /** How long a lease is spent at most, in ms. A block or a lowered limit is known by then. Default 60,000. */
  readonly maxLeaseMs?: number
  /**
   * Names the authority that keeps a limit. Limits that are checked together must share one. Default: the identifier, so
   * that all limits of one identifier are in one place.
   */
  readonly shard?: (subject: KeyedSubject) => string
  /** Names this isolate to the authority. Never the same for two. Default: random. */
  readonly holderId?: string
}

/** A shared request to the authority, one per limit at a time. */
interface Flight {
  beganMs: number
  /** Those who came after it was sent: for what it brings, or for the next one. */
  waiting: Waiter[]
}

interface Waiter {
  readonly cost: number
  readonly settle: (outcome: LeaseResult | 'lead' | 'failed') => void
  isGone: boolean
}

/** A request that has not come back after so many takeovers is given up: it died with the request that began it. */
const takeoversPerFlight = 4

/**
 * Counts exactly over all isolates, at almost no round trips: each isolate leases tokens from the authority and admits from
 * them by itself.
 *
 * - **Over-admission: none**, as the policy's algorithm promises, under any difference of clocks, lost or late replies, and
 *   restarts on either side. Tokens are counted as spent when they are leased, and a lease ends by the holder's own clock,
 *   counted from when it was asked for.
 * - **Under-admission:** what an isolate leased and did not spend is lost with it: a tenth of the limit at most over all
 *   isolates, and of one isolate its share of that. Nothing is lost of limits under 10, which are asked for call by call.
 * - **Staleness:** a block or a lowered limit reaches other isolates when their leases are spent, after `maxLeaseMs` at
 *   most; a reset, a refund or a raised limit ends their denials after `maxDenyMs` at most.
 * - **Cost:** 14 to 53 requests to the authority for 1,000 calls on busy limits, none for repeated denials.
 *
 * `remaining` is what is held and what the authority last said, so a hint; `allowed` is exact.
 *
 * @param namespace The Durable Object binding of `RateLimiterObject`.
 * @throws {TypeError} When `namespace` is no namespace, as where a binding is missing.
 */
export function leaseBackend(
  namespace: AuthorityNamespace,
  options: LeaseBackendOptions = {},
): RateLimitBackend {
  // A missing binding is undefined at run time whatever its type says.
  const given = namespace as AuthorityNamespace | null | undefined
  if (typeof given?.getByName !== 'function') {
    throw new TypeError(
      `Cannot create lease backend: namespace must be a Durable Object namespace, received ${given === null ? 'null' : typeof given} (is the binding in the Worker's configuration?)`,
    )
  }
  const {
    waitUntil,
    now = Date.now,
    timers = globalThis,
    takeoverMs = 300,
    shard = ({ identifier }: KeyedSubject): string => identifier,
  } = options
  const holder = new LeaseHolder<Flight>({
    guardMs: options.guardMs ?? 20,
    maxKeys: options.maxKeys ?? 10_000,
    maxDenyMs: options.maxDenyMs ?? 60_000,
    maxLeaseMs: options.maxLeaseMs ?? 60_000,
  })
  let { holderId } = options
  let lastSeq = 0

  const authorityOf = (subject: KeyedSubject): ReturnType<AuthorityNamespace['getByName']> =>
    namespace.getByName(shard(subject))

  function decide(check: BackendCheck): LeaseResult | undefined {
    if (check.exact) return undefined
    const held = holder.of(check)
    const nowMs = now()
    const result = held.decide(check.cost, nowMs)
    if (result === undefined) return undefined
    held.countArrival(check.cost)
    if (waitUntil !== undefined && held.flight === undefined && held.shouldPrefetch(nowMs)) {
      // What fails here fails again for the next call that has to ask, and is told there.
      lead(held, check, { costs: [], flight: { beganMs: 0, waiting: [] } }).catch(ignore)
    }
    return result
  }

  async function ask(check: BackendCheck): Promise<LeaseResult> {
    const held = holder.of(check)
    if (check.exact) return askAlone(held, check)
    held.countArrival(check.cost)
    const { flight } = held
    const isUnderWay =
      flight !== undefined && now() < flight.beganMs + takeoverMs * takeoversPerFlight
    if (isUnderWay) return join(held, check, flight)
    return lead(held, check, { costs: [check.cost], flight: { beganMs: 0, waiting: [] } })
  }

  /** Waits for another call's request with a timer of its own: that request may have died with its client. */
  async function join(held: Held, check: BackendCheck, flight: Flight): Promise<LeaseResult> {
    const waiter: Waiter = { cost: check.cost, settle: ignore, isGone: false }
    const turn = new Promise<LeaseResult | 'lead' | 'failed'>((resolve) => {
      flight.waiting.push(Object.assign(waiter, { settle: resolve }))
    })
    const outcome = await raceTimer(turn, { delayMs: takeoverMs, timers })
    if (outcome === 'lead' && held.flight === flight) {
      return lead(held, check, { costs: [check.cost], flight })
    }
    if (typeof outcome === 'object') return outcome
    waiter.isGone = true
    return askAlone(held, check)
  }

  async function askAlone(held: Held, check: BackendCheck): Promise<LeaseResult> {
    const resultOf = await acquire(held, check, { costs: [check.cost] })
    return resultOf(0)
  }

  /** Asks for the caller, for those that wait, and for a lease beside. */
  function lead(held: Held, check: BackendCheck, { costs, flight }: Lead): Promise<LeaseResult> {
    const joined = flight.waiting.filter(({ isGone }) => !isGone)
    flight.waiting = []
    flight.beganMs = now()
    held.flight = flight
    const work = fly()
    waitUntil?.(work.catch(ignore))
    return work

    async function fly(): Promise<LeaseResult> {
      try {
        const allCosts = [...costs, ...joined.map(({ cost }) => cost)]
        const resultOf = await acquire(held, check, { costs: allCosts, flight })
        joined.forEach((waiter, index) => {
          waiter.settle(resultOf(costs.length + index))
        })
        return resultOf(0)
      } catch (error) {
        // It may have failed for its own request only, as where that has used up its subrequests.
        for (const waiter of joined) waiter.settle('failed')
        throw error
      } finally {
        if (held.flight === flight) passOn(held, flight)
      }
    }
  }

  /** Serves those who waited from what has come. The first for whom it is too little asks for the rest. */
  function passOn(held: Held, flight: Flight): void {
    for (let waiter; (waiter = flight.waiting.shift()) !== undefined;) {
      if (waiter.isGone) continue
      const result = held.decide(waiter.cost, now())
      waiter.settle(result ?? 'lead')
      if (result !== undefined) continue
      flight.beganMs = now()
      return
    }
    held.flight = undefined
  }

  async function acquire(
    held: Held,
    subject: LimitSubject,
    { costs, flight }: { readonly costs: readonly number[]; readonly flight?: Flight },
  ): Promise<(index: number) => LeaseResult> {
    const { key, rule } = subject
    const seq = ++lastSeq
    // Not sooner: a Worker has no random numbers while it starts.
    const id = (holderId ??= crypto.randomUUID())
    const receiptPrefix = `${id}.${seq}.`
    const sentAtMs = now()
    let waitingCost = 0
    for (const cost of costs) waitingCost += cost
    const want = flight === undefined ? 0 : held.want(sentAtMs, waitingCost)
    // A request beside the shared one has no name, so that neither is refused for coming after the other.
    const name = flight === undefined ? '' : id
    const reply = await authorityOf(subject).acquire({ key, rule, holder: name, seq, costs, want })
    if (flight === undefined || held.flight === flight) {
      held.learn(reply, { costs, want, sentAtMs, receivedAtMs: now(), receiptPrefix })
    }
    return (index) =>
      toLeaseResult(reply, { index, cost: costs[index] ?? 0, id: `${receiptPrefix}${index}` })
  }

  async function change(change: AuthorityChange, subject: KeyedSubject): Promise<boolean> {
    try {
      return await authorityOf(subject).change(change)
    } finally {
      // Whatever is under way ends at what was held, and is not used for calls from now on.
      holder.drop(subject.key)
    }
  }

  return {
    name: 'lease',
    isRemote: true,
    checkLocally: decide,
    check: (check) => {
      const result = decide(check)
      return result === undefined ? ask(check) : Promise.resolve(result)
    },
    checkAll: async (checks) => {
      const [first] = checks
      if (first === undefined) return []
      if (checks.some((check) => shard(check) !== shard(first))) {
        throw new TypeError(
          'Cannot check several limits at once: the shard option must name the same authority for all of them, received different names',
        )
      }
      const requests = checks.map(({ key, rule, cost }) => ({ key, rule, cost }))
      const seq = ++lastSeq
      const id = (holderId ??= crypto.randomUUID())
      const replies = await authorityOf(first).checkAll(requests)
      return replies.map((reply, index) =>
        toLeaseResult(reply, {
          index: 0,
          cost: requests[index]?.cost ?? 0,
          id: `${id}.${seq}.${index}`,
        }),
      )
    },
    getStatus: (subject) => authorityOf(subject).getStatus(subject.key, subject.rule),
    refund: async (subject, receipt) => {
      const { key, rule } = subject
      const isGivenBack = await authorityOf(subject).change({ type: 'refund', key, rule, receipt })
      holder.peek(key)?.forgetDenial()
      return isGivenBack
    },
    reset: async (subject) => {
      await change({ type: 'reset', key: subject.key }, subject)
    },
    block: async (subject, ms) => {
      await change({ type: 'block', key: subject.key, ms }, subject)
    },
    override: async (subject, override) => {
      await change({ type: 'override', key: subject.key, override }, subject)
    },
    safeShare: ({ key, rule }) =>
      holder.peek(key)?.safeShare ?? Math.max(1, Math.floor(rule.limit / 10)),
  }
}

type Held = HeldLimit<Flight>

interface Lead {
  /** What the caller itself wants: nothing where it only fetches ahead. */
  readonly costs: readonly number[]
  readonly flight: Flight
}

function ignore(): void {
  // Whoever waits is told.
}

function toLeaseResult(
  reply: AcquireReply,
  { index, cost, id }: { readonly index: number; readonly cost: number; readonly id: string },
): LeaseResult {
  const { available: remaining, limit } = reply
  const resetAt = reply.nowMs + reply.resetInMs
  if (reply.verdicts[index] === true) {
    const receipt = { id, cost, admittedAtMs: reply.nowMs }
    return {
      allowed: true,
      remaining,
      resetAt,
      limit,
      exact: true,
      reason: 'within_limit',
      receipt,
    }
  }
  return {
    allowed: false,
    remaining,
    resetAt,
    limit,
    ...(reply.retryAfterMs < Infinity && { retryAfterMs: reply.retryAfterMs }),
    exact: true,
    reason: reply.blockedMs > 0 ? 'blocked' : 'over_limit',
  }
}
