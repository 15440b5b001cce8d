import { raceTimer, type Timers } from '../shared/timers.ts'
import type { AuthorityNamespace } from './authority-protocol.ts'
import { type HeldLimit, LeaseHolder, type LeaseResult } from './lease-holder.ts'
import type {
  BackendCheck,
  LimitName,
  LimitSubject,
  RateLimitBackend,
} from './rate-limit-backend.ts'
import { assertMethod } from './subject.ts'
import { toBackendResult } from './to-backend-result.ts'

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
  readonly shard?: (subject: LimitName) => string
  /** Names this isolate to the authority. Never the same for two. Default: random. */
  readonly holderId?: string
}

/** A shared request to the authority, one per limit at a time. */
interface Flight {
  beganMs: number
  /** Those who came after it was sent: for what it brings, or for the next one. */
  readonly waiting: Set<Waiter>
}

interface Waiter {
  readonly cost: number
  readonly settle: (outcome: LeaseResult | 'lead' | 'failed') => void
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
 * - **Cost:** 13 to 47 requests to the authority for 1,000 calls on busy limits, none for repeated denials.
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
  assertMethod(
    namespace,
    'getByName',
    'create lease backend: namespace must be a Durable Object binding',
  )
  const {
    waitUntil,
    now = Date.now,
    timers = globalThis,
    takeoverMs = 300,
    guardMs = 20,
    maxKeys = 10_000,
    maxDenyMs = 60_000,
    maxLeaseMs = 60_000,
    shard = ({ identifier }: LimitName): string => identifier,
  } = options
  const holder = new LeaseHolder<Flight>({ guardMs, maxKeys, maxDenyMs, maxLeaseMs })
  let { holderId } = options
  let lastSeq = 0

  function decide(check: BackendCheck): LeaseResult | undefined {
    if (check.exact) return undefined
    const held = holder.of(check)
    const nowMs = now()
    const result = held.decide(check.cost, nowMs)
    if (result === undefined) return undefined
    held.arrived += check.cost
    if (waitUntil !== undefined && held.flight === undefined && held.shouldPrefetch) {
      // What fails here fails again for the next call that has to ask, and is told there.
      lead(held, check, { costs: [] }).catch(ignore)
    }
    return result
  }

  async function ask(check: BackendCheck): Promise<LeaseResult> {
    const held = holder.of(check)
    if (check.exact) return askAlone(held, check)
    held.arrived += check.cost
    const { flight } = held
    const isUnderWay =
      flight !== undefined && now() < flight.beganMs + takeoverMs * takeoversPerFlight
    if (isUnderWay) return join(held, check, flight)
    return lead(held, check, { costs: [check.cost] })
  }

  /** Waits for another call's request with a timer of its own: that request may have died with its client. */
  async function join(held: Held, check: BackendCheck, flight: Flight): Promise<LeaseResult> {
    const { promise: turn, resolve } = Promise.withResolvers<LeaseResult | 'lead' | 'failed'>()
    const waiter: Waiter = { cost: check.cost, settle: resolve }
    flight.waiting.add(waiter)
    const outcome = await raceTimer(turn, { delayMs: takeoverMs, timers })
    if (outcome === 'lead' && held.flight === flight) {
      return lead(held, check, { costs: [check.cost], flight })
    }
    if (typeof outcome === 'object') return outcome
    flight.waiting.delete(waiter)
    return askAlone(held, check)
  }

  async function askAlone(held: Held, check: BackendCheck): Promise<LeaseResult> {
    const resultOf = await acquire(held, check, { costs: [check.cost] })
    return resultOf(0)
  }

  /** Asks for the caller, for those that wait, and for a lease beside. */
  function lead(
    held: Held,
    check: BackendCheck,
    { costs, flight = { beganMs: 0, waiting: new Set() } }: Lead,
  ): Promise<LeaseResult> {
    const joined = [...flight.waiting]
    flight.waiting.clear()
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
    for (const waiter of flight.waiting) {
      flight.waiting.delete(waiter)
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
    const reply = await namespace
      .getByName(shard(subject))
      .acquire({ key, rule, holder: name, seq, costs, want })
    if (flight === undefined || held.flight === flight) {
      held.learn(reply, { costs, want, sentAtMs, receivedAtMs: now(), receiptPrefix })
    }
    return (index) =>
      toBackendResult(reply, {
        index,
        cost: costs[index] ?? 0,
        receiptId: `${receiptPrefix}${index}`,
      })
  }

  return {
    name: 'lease',
    isRemote: true,
    checkLocally: decide,
    check: async (check) => decide(check) ?? ask(check),
    authority: {
      shard,
      of: (name) => namespace.getByName(name),
      changed: ({ key, type }) => {
        if (type === 'refund') holder.peek(key)?.forgetDenial()
        // Whatever is under way ends at what was held, and is not used for calls from now on.
        else holder.drop(key)
      },
    },
    safeShare: ({ key }) => holder.peek(key)?.safeShare,
  }
}

type Held = HeldLimit<Flight>

interface Lead {
  /** What the caller itself wants: nothing where it only fetches ahead. */
  readonly costs: readonly number[]
  /** Default: a new one. */
  readonly flight?: Flight
}

function ignore(): void {
  // Whoever waits is told.
}
