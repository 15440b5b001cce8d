import { createMemorySessionAuthority } from '../../src/lib/session/memory-authority.ts'
import type {
  SessionAuthorityCalls,
  SessionAuthorityNamespace,
} from '../../src/lib/session/session-authority-calls.ts'
import type {
  SessionAuditEvent,
  SessionStoreOptions,
} from '../../src/lib/session/session-options.ts'
import { SessionStore } from '../../src/lib/session/session-store.ts'
import type { ClientEvent } from '../../src/lib/shared/client-event.ts'
import { createEdgeSimulator, type EdgeSimulator } from '../../src/lib/testing/edge-simulator.ts'
import type { VirtualClock } from '../../src/lib/testing/virtual-clock.ts'

/** What happens to a call of an authority. `lost`: it is done, and its reply never comes. */
type AuthorityFault = 'down' | 'silent' | 'lost' | 'overloaded'

export interface SessionWorld {
  readonly simulator: EdgeSimulator
  readonly clock: VirtualClock
  readonly events: ClientEvent[]
  readonly audit: SessionAuditEvent[]
  /** The calls of authorities until now, as `check` or `getEveryoneEpoch`. */
  readonly calls: string[]
  /** Strikes every call of an authority that it is true for. */
  fault: ((name: string, call: string) => AuthorityFault | undefined) | undefined
  /** How long each call of an authority takes, there and back. */
  latencyMs: number
  /** Another isolate, in a location. */
  isolate(location: string, options?: SessionStoreOptions): SessionStore
  /** Another isolate without an authority. */
  aloneIsolate(location: string, options?: SessionStoreOptions): SessionStore
  /** Until all background work is done. */
  settle(): Promise<void>
  /** KV operations and calls of authorities since the last time. */
  takeCosts(): {
    readonly read: number
    readonly write: number
    readonly delete: number
    readonly calls: readonly string[]
  }
}

export const testSecrets = ['a-secret-of-this-test-that-is-long-enough']

/** Isolates in locations, one authority for all of them, and a clock that the test moves. */
export function createSessionWorld(): SessionWorld {
  const simulator = createEdgeSimulator({
    seed: 1,
    consistency: { propagation: 30_000, readYourWrites: 1 },
  })
  const { clock } = simulator
  const background = new Set<Promise<unknown>>()
  const memory = createMemorySessionAuthority({ now: clock.now })
  let seed = 0

  const create = (
    location: string,
    options: SessionStoreOptions,
    authority?: SessionAuthorityNamespace,
  ): SessionStore => {
    const kv = simulator.location(location).kv('AUTH_SESSION_KV')
    return new SessionStore(kv, {
      secrets: testSecrets,
      now: clock.now,
      timers: clock,
      onEvent: (event) => world.events.push(event),
      onAudit: (event) => world.audit.push(event),
      waitUntil: (work) => {
        background.add(work)
        void work.finally(() => background.delete(work))
      },
      random: (bytes) => {
        seed++
        return bytes.map((_, index) => (seed * 31 + index * 7 + (seed >> 5)) % 256)
      },
      ...(authority !== undefined && { authority }),
      ...options,
    })
  }

  const world: SessionWorld = {
    simulator,
    clock,
    events: [],
    audit: [],
    calls: [],
    fault: undefined,
    latencyMs: 0,
    isolate: (location, options = {}) => create(location, options, { getByName: toRemote }),
    aloneIsolate: (location, options = {}) => create(location, options),
    async settle() {
      while (background.size > 0) await clock.run(() => Promise.all(background))
    },
    takeCosts() {
      const { read, write, delete: deleted } = simulator.operations
      const calls = [...world.calls]
      simulator.resetBill()
      world.calls.length = 0
      return { read, write, delete: deleted, calls }
    },
  }

  function toRemote(name: string): SessionAuthorityCalls {
    const local = memory.getByName(name)
    return new Proxy(local, {
      get(target, property) {
        const call = String(property)
        const run = target[property as keyof SessionAuthorityCalls] as (
          ...args: unknown[]
        ) => Promise<unknown>
        return async (...args: unknown[]) => {
          world.calls.push(call)
          const fault = world.fault?.(name, call)
          if (fault === 'down') throw new Error('Network connection lost')
          if (fault === 'overloaded') {
            throw Object.assign(new Error('Durable Object is overloaded'), { overloaded: true })
          }
          if (fault === 'silent') return new Promise(() => undefined)
          const halfMs = world.latencyMs / 2
          if (halfMs > 0) await clock.sleep(halfMs)
          const reply = await run(...args)
          if (fault === 'lost') return new Promise(() => undefined)
          if (halfMs > 0) await clock.sleep(halfMs)
          return reply
        }
      },
    })
  }

  return world
}
