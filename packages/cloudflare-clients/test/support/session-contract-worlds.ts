import type { SessionStoreOptions } from '../../src/session.ts'
import { SessionStore } from '../../src/session.ts'
import {
  type ContractIsolate,
  type ContractPlace,
  type ContractWorld,
  createEdgeSimulator,
  createKVContractWorld,
  type EdgeSimulator,
  type EdgeSimulatorOptions,
  JsonRows,
  type KVContractWorldOptions,
  SessionAuthority,
  type SessionAuthorityCalls,
  type SessionAuthorityNamespace,
  type SessionRow,
  type SessionUserRow,
  type StoredText,
} from '../../src/testing.ts'
import { testSecrets } from './session-world.ts'

/** `SessionStore` as the contract has it. */
export function toContractIsolate(store: SessionStore): ContractIsolate {
  return {
    async signIn(userId, { data, replaces, checkCredentials }) {
      const epoch = checkCredentials && (await store.getEpoch(userId))
      await checkCredentials?.()
      return store.create(userId, {
        ...(data !== undefined && { data }),
        ...(replaces !== undefined && { replaces }),
        ...(epoch !== undefined && { epoch }),
      })
    },
    validate: (token) => store.get(token),
    update: async (token, data) => (await store.update(token, { data })) !== null,
    refresh: async (token) => (await store.refresh(token)) !== null,
    rotate: (token) => store.rotate(token),
    destroy: (token) => store.destroy(token),
    destroyAll: (userId) => store.destroyAllForUser(userId),
    destroyOthers: (userId, exceptToken) => store.destroyAllForUser(userId, { exceptToken }),
    list: async (userId) => (await store.list(userId)).map(({ id }) => id),
  }
}

export const contractTimeouts = { idleTimeoutSeconds: 3600, absoluteTimeoutSeconds: 14_400 }

/** Options of a store in a place. */
export function toStoreOptions({ now, waitUntil }: ContractPlace): SessionStoreOptions {
  return { ...contractTimeouts, secrets: testSecrets, now, waitUntil, onEvent: () => undefined }
}

/** An authority, as a place reaches it. */
export function reachAuthority(
  authority: SessionAuthorityNamespace,
  { reach }: ContractPlace,
): SessionAuthorityNamespace {
  return {
    getByName: (name) =>
      new Proxy(authority.getByName(name), {
        get:
          (calls, call) =>
          (...args: unknown[]) => {
            const run = Reflect.get(calls, call, calls) as (...all: unknown[]) => Promise<unknown>
            return reach(() => Reflect.apply(run, calls, args))
          },
      }),
  }
}

const simulatedLocations = ['AMS', 'SIN', 'IAD'] as const

/** Locations that are up to half a minute behind, with caches. */
export function createContractSimulator(options: EdgeSimulatorOptions = {}): EdgeSimulator {
  return createEdgeSimulator({
    seed: 1,
    locations: simulatedLocations,
    consistency: { propagation: 30_000, readYourWrites: 1 },
    ...options,
  })
}

/** Isolates over the locations of a simulator. */
export function createSimulatedWorld(
  simulator: EdgeSimulator,
  options: Pick<KVContractWorldOptions, 'openIsolate' | 'dump'>,
): ContractWorld {
  const { clock } = simulator
  const kvOf = (location: string): KVNamespace => simulator.location(location).kv('AUTH_SESSION_KV')
  const locations = Object.fromEntries(simulatedLocations.map((name) => [name, kvOf(name)]))
  return createKVContractWorld({ locations, clock, ...options })
}

/** `SessionStore` with its authority, in each location of a simulator. */
export function createStoreWorld(options: SessionStoreOptions): ContractWorld {
  const simulator = createContractSimulator()
  const { clock } = simulator
  const { authority, dump } = createDumpedAuthority(clock.now)
  return createSimulatedWorld(simulator, {
    openIsolate: (place) => {
      const own = { authority: reachAuthority(authority, place), timers: clock }
      return toContractIsolate(
        new SessionStore(place.kv, { ...toStoreOptions(place), ...own, ...options }),
      )
    },
    dump: () => Promise.resolve(dump()),
  })
}

/** Authorities in memory, and what they store. */
function createDumpedAuthority(now: () => number): {
  readonly authority: SessionAuthorityNamespace
  readonly dump: () => readonly StoredText[]
} {
  const rows = new Map<string, JsonRows<SessionUserRow, SessionRow>>()
  const calls = new Map<string, SessionAuthorityCalls>()
  const open = (name: string): SessionAuthorityCalls => {
    const storage = new JsonRows<SessionUserRow, SessionRow>()
    rows.set(name, storage)
    const decider = new SessionAuthority({ storage, now })
    return new Proxy({} as SessionAuthorityCalls, {
      get:
        (_, call) =>
        (...args: unknown[]) => {
          const run = Reflect.get(decider, call) as (...all: unknown[]) => unknown
          return Promise.resolve(
            structuredClone(Reflect.apply(run, decider, structuredClone(args))),
          )
        },
    })
  }
  return {
    authority: {
      getByName: (name) => {
        const known = calls.get(name) ?? open(name)
        calls.set(name, known)
        return known
      },
    },
    dump: () =>
      [...rows].map(([key, storage]) => ({
        key,
        value: JSON.stringify([storage.loadUser() ?? null, storage.loadSessions()]),
      })),
  }
}
