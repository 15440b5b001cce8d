import { listDurableObjectIds, reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, test, vi } from 'vitest'
import { SessionStore } from '../src/session.ts'
import {
  type ContractWorld,
  createKVContractWorld,
  sessionStoreContract,
  type StoredText,
} from '../src/testing.ts'
import {
  contractTimeouts,
  reachAuthority,
  toContractIsolate,
  toStoreOptions,
} from './support/session-contract-worlds.ts'

beforeEach(() => {
  // In the future, so that the real KV and the real alarms of objects do not come due.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2100, 0, 1) })
})

afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

/** All of it is one location: what is tried here is the real store, object and clock. */
function createWorkerdWorld(): ContractWorld {
  return createKVContractWorld({
    locations: { one: env.KV, another: env.KV },
    clock: {
      now: () => Date.now(),
      advance: (ms) => {
        vi.setSystemTime(Date.now() + ms)
        return Promise.resolve()
      },
    },
    openIsolate: (place) =>
      toContractIsolate(
        new SessionStore(place.kv, {
          ...toStoreOptions(place),
          authority: reachAuthority(env.SESSIONS, place),
          freshness: 'strict',
        }),
      ),
    dump: dumpObjects,
  })
}

async function dumpObjects(): Promise<readonly StoredText[]> {
  const stored: StoredText[] = []
  for (const id of await listDurableObjectIds(env.SESSIONS)) {
    const rows = await runInDurableObject(env.SESSIONS.get(id), (_, { storage }) => {
      const tables = storage.sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray()
        .filter(({ name }) => !name.startsWith('_cf'))
      return tables.map(({ name }) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray())
    })
    stored.push({ key: id.toString(), value: JSON.stringify(rows) })
  }
  return stored
}

describe('SessionStore on KV and SessionObject in workerd', () => {
  for (const { name, run } of sessionStoreContract({
    createWorld: createWorkerdWorld,
    guarantees: {
      revocationBoundMs: 0,
      signInBoundMs: 0,
      updateBoundMs: 0,
      listBoundMs: 0,
      graceMs: 60_000,
      idleTimeoutMs: contractTimeouts.idleTimeoutSeconds * 1000,
      absoluteTimeoutMs: contractTimeouts.absoluteTimeoutSeconds * 1000,
      renewalFraction: 0.1,
    },
  })) {
    test(name, run)
  }
})
