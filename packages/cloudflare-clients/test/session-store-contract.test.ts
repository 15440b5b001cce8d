import { describe, expect, test } from 'vitest'
import { SessionStore } from '../src/session.ts'
import {
  type SessionContractOptions,
  type SessionGuarantees,
  sessionStoreContract,
} from '../src/testing.ts'
import { DatabaseSessions } from './support/database-sessions.ts'
import { openPlainKVSessions } from './support/plain-kv-sessions.ts'
import {
  contractTimeouts,
  createContractSimulator,
  createSimulatedWorld,
  createStoreWorld,
  toContractIsolate,
  toStoreOptions,
} from './support/session-contract-worlds.ts'

const timeouts: SessionGuarantees = {
  idleTimeoutMs: contractTimeouts.idleTimeoutSeconds * 1000,
  absoluteTimeoutMs: contractTimeouts.absoluteTimeoutSeconds * 1000,
  renewalFraction: 0.1,
}

const exact: SessionGuarantees = {
  ...timeouts,
  revocationBoundMs: 0,
  signInBoundMs: 0,
  updateBoundMs: 0,
  listBoundMs: 0,
  graceMs: 60_000,
}

const alone: SessionContractOptions = {
  createWorld: () => {
    const simulator = createContractSimulator()
    return createSimulatedWorld(simulator, {
      openIsolate: (place) =>
        toContractIsolate(
          new SessionStore(place.kv, { ...toStoreOptions(place), timers: simulator.clock }),
        ),
    })
  },
  // What follows from half a minute of propagation and a minute of caching, or two minutes of memory.
  guarantees: {
    ...timeouts,
    revocationBoundMs: 120_000,
    signInBoundMs: 90_000,
    updateBoundMs: 90_000,
    listBoundMs: 90_000,
    graceMs: 60_000,
  },
  // There is no epoch, and whatever is written last is there.
  without: ['checkCredentials', 'lateWrites'],
}

const stores: Readonly<Record<string, SessionContractOptions>> = {
  strict: { createWorld: () => createStoreWorld({ freshness: 'strict' }), guarantees: exact },
  bounded: {
    createWorld: () => createStoreWorld({ freshness: { boundedSeconds: 10 } }),
    guarantees: { ...exact, revocationBoundMs: 10_000, updateBoundMs: 10_000 },
  },
  edge: {
    createWorld: () => createStoreWorld({ freshness: 'edge', edgeSeconds: 60 }),
    guarantees: {
      ...exact,
      revocationBoundMs: 60_000,
      updateBoundMs: 60_000,
      // A copy is confirmed, and written, once in `edgeSeconds`.
      renewalFraction: 60 / contractTimeouts.idleTimeoutSeconds,
    },
  },
  'KV alone': alone,
}

describe.for(Object.entries(stores))('SessionStore, %s', ([, options]) => {
  for (const { name, requires, run } of sessionStoreContract(options)) {
    if (requires === undefined) test(name, run)
    else {
      test(`${name}: not supported, and says so`, async () => {
        await expect(run()).rejects.toThrow(`it requires ${requires.join(', ')}`)
      })
    }
  }
})

const cacheSeconds = 90

describe('SessionCacheClient in front of a database', () => {
  const options: SessionContractOptions = {
    createWorld: () => {
      const sessions = new DatabaseSessions(14_400_000)
      // Where KV refuses a delete for a write just before, the client waits a second of its own.
      const simulator = createContractSimulator({ limits: { writesPerSecondPerKey: Infinity } })
      return createSimulatedWorld(simulator, {
        openIsolate: (place) => sessions.open(place, cacheSeconds),
      })
    },
    guarantees: {
      revocationBoundMs: cacheSeconds * 1000,
      signInBoundMs: 0,
      listBoundMs: 0,
      absoluteTimeoutMs: 14_400_000,
    },
    without: [
      'data',
      'update',
      'refresh',
      'rotate',
      'replaces',
      'checkCredentials',
      // A request that read the database before caches what has ended, for up to its `maxTtlSeconds`.
      'lateWrites',
    ],
  }
  for (const { name, requires, run } of sessionStoreContract(options)) {
    if (requires === undefined) test(name, run)
    else {
      test(`${name}: not supported, and says so`, async () => {
        await expect(run()).rejects.toThrow(`it requires ${requires.join(', ')}`)
      })
    }
  }
})

test('with an authority every case is supported, and without one all but those that need it', () => {
  const notSupported = Object.entries(stores).map(([name, options]) => [
    name,
    sessionStoreContract(options)
      .filter(({ requires }) => requires !== undefined)
      .map((one) => one.name),
  ])
  expect(Object.fromEntries(notSupported)).toEqual({
    strict: [],
    bounded: [],
    edge: [],
    'KV alone': [
      'a slower request does not bring back what was signed out',
      'a sign-in that began before all sessions were ended makes none',
    ],
  })
})

test('sessions under their tokens in KV, as they are often written, fail where KV does not do what they need', async () => {
  const options: SessionContractOptions = {
    createWorld: () => {
      // With KV's limit of writes most cases would end there.
      const simulator = createContractSimulator({ limits: { writesPerSecondPerKey: Infinity } })
      return createSimulatedWorld(simulator, { openIsolate: openPlainKVSessions })
    },
    guarantees: { ...alone.guarantees, graceMs: 0 },
    without: ['checkCredentials', 'replaces'],
  }
  const failures: Record<string, string> = {}
  for (const { name, requires, run } of sessionStoreContract(options)) {
    if (requires !== undefined) continue
    await run().catch((error: unknown) => {
      failures[name] = String(error).replace('SessionContractError: Expected ', '')
    })
  }
  expect(failures).toEqual({
    'tokens are unique and have 128 random bits or more':
      'tokens with 128 random bits or more, received about 122',
    'no token is stored, and nothing that is stored is accepted as one':
      'no token in a stored key, received one',
    'a slower request does not bring back what was signed out':
      'a session that a slower request has stored again to be refused in AMS, received a session',
    'all sessions of a user end, also those made at the same time, and nobody else’s':
      'session 1 of 24 that were ended to be refused in AMS, received a session',
    'all sessions of a user but one end':
      'a session that was ended to be refused in AMS, received a session',
    'the list has every session of the user, also those made at the same time, and no other':
      'a list of the 24 sessions in AMS, received 1 entries with 1 of them',
    'the list has none of the sessions that were ended, also at the same time':
      'a list of the 14 sessions in AMS, received 1 entries with 1 of them',
    'a session ends at its absolute timeout, however much it is used':
      'a session at its timeout to be refused in AMS, received a session',
    'a refresh does not prolong the absolute timeout':
      'a refreshed session at its absolute timeout to be refused in AMS, received a session',
    'a session works in its last minute, shorter than KV keeps anything, and ends on time':
      'a session at its absolute timeout to be refused in AMS, received a session',
    'a session that is used writes at most once in each fraction of its idle timeout':
      'at most 4 writes in 40 uses of a session, received 40',
    'a store that fails signs nobody out':
      'a session or a rejection in AMS while stores fail, received a refusal',
  })
})
