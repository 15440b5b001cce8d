import {
  durableObjectBackend,
  kvBackend,
  leaseBackend,
  type RateLimitAlgorithm,
  type RateLimitBackend,
  RateLimiterClient,
} from '@codex/cloudflare-clients/rate-limiter'
import { SimulatedAuthorities } from '../simulation/simulated-authorities.ts'
import type {
  IsolatePlace,
  LimiterIsolate,
  LimiterUnderTest,
  LimiterWorld,
} from './limiter-under-test.ts'

/** The names of ours in the tables. */
export const ours = {
  lease: 'codex, leased',
  strictLease: 'codex, leased, strict sliding window',
  object: 'codex, Durable Object',
  kv: 'codex, KV G-counter',
} as const

/** What one isolate is given to build its backend with. */
interface Isolate {
  readonly world: LimiterWorld
  readonly place: IsolatePlace
  readonly authorities: SimulatedAuthorities
}

type CreateBackend = (isolate: Isolate) => RateLimitBackend

const createLeases: CreateBackend = ({ world, place, authorities }) =>
  leaseBackend(authorities.namespaceAt(place.location), {
    now: world.clock.now,
    timers: world.clock,
    waitUntil: world.waitUntil,
    holderId: place.name,
  })

const createObjectCalls: CreateBackend = ({ place, authorities }) =>
  durableObjectBackend(authorities.namespaceAt(place.location))

const createKV: CreateBackend = ({ world, place }) =>
  kvBackend(world.kvAt(place.location), {
    now: world.clock.now,
    timers: world.clock,
    random: world.random(`${place.name}, KV`),
    waitUntil: world.waitUntil,
    onEvent: ignore,
  })

/** The clients themselves with their defaults. */
export const codexLimiters: readonly LimiterUnderTest[] = [
  codex(ours.lease, createLeases),
  codex(ours.strictLease, createLeases, 'strict-sliding-window'),
  codex(ours.object, createObjectCalls),
  codex(ours.kv, createKV),
]

function codex(
  id: string,
  createBackend: CreateBackend,
  algorithm: RateLimitAlgorithm = 'fixed-window',
): LimiterUnderTest {
  return {
    id,
    open: (world) => {
      const authorities = new SimulatedAuthorities(world)
      return {
        openIsolate: (place) =>
          openIsolate(createBackend({ world, place, authorities }), { world, place, algorithm }),
      }
    },
  }
}

function openIsolate(
  backend: RateLimitBackend,
  options: Pick<Isolate, 'world' | 'place'> & { readonly algorithm: RateLimitAlgorithm },
): LimiterIsolate {
  const { world, place, algorithm } = options
  const { clock, limit, windowMs } = world
  const limiter = new RateLimiterClient(backend, {
    now: clock.now,
    timers: clock,
    random: world.random(place.name),
    onEvent: ignore,
  })
  const policy = { limit, window: windowMs / 1000, keyPrefix: 'api', algorithm }
  return {
    check: async (identifier) => {
      const askedAtMs = clock.now()
      const { allowed, reason, receipt } = await limiter.checkLimit(identifier, policy)
      // Nothing fails here, so that an answer without the backend is a fault of the backend.
      if (reason === 'unavailable') throw new Error('The backend did not answer')
      // What was decided at once was decided here, also from a lease that is older.
      const answeredAtMs = clock.now()
      const isLocal = answeredAtMs === askedAtMs
      return { allowed, countedAtMs: isLocal ? askedAtMs : (receipt?.admittedAtMs ?? answeredAtMs) }
    },
  }
}

function ignore(): void {
  // A write that KV refuses is in the table already.
}
