import { createHttpKVNamespace, createRequestPacer } from '@codex/cloudflare-clients/kv-http'
import { SessionStore } from '@codex/cloudflare-clients/session'
import {
  type ContractWorld,
  createKVContractWorld,
  createVirtualClock,
  sessionStoreContract,
} from '@codex/cloudflare-clients/testing'
import { createFakeKVApi, type FakeKVApi } from '@codex/fake-kv-api'
import { afterAll, beforeAll, describe, test } from 'vitest'
import {
  contractTimeouts,
  toContractIsolate,
  toStoreOptions,
} from '../../support/session-contract-worlds.ts'

// Sessions on KV alone, as a server that is no Worker has them.

/** That of the world that runs: each begins at a whole second, which is what KV's expiries are counted in. */
let clock = createVirtualClock()
let api: FakeKVApi

beforeAll(async () => {
  api = await createFakeKVApi({ now: () => clock.now() })
})

afterAll(() => api.close())

/** Two processes on one namespace. */
function createWorld(): ContractWorld {
  clock = createVirtualClock()
  const namespaceId = api.addNamespace('sessions').id
  const open = (): KVNamespace =>
    createHttpKVNamespace({
      accountId: api.accountId,
      namespaceId,
      auth: { apiToken: api.apiToken },
      baseUrl: api.url,
      env: {},
      now: clock.now,
      pacer: createRequestPacer({ requestsPer5Minutes: 1_000_000 }),
    })
  return createKVContractWorld({
    locations: { one: open(), another: open() },
    clock: { now: clock.now, advance: clock.advance },
    openIsolate: (place) => toContractIsolate(new SessionStore(place.kv, toStoreOptions(place))),
  })
}

describe('SessionStore on KV over HTTP', () => {
  for (const { name, run } of sessionStoreContract({
    createWorld,
    guarantees: {
      // What an isolate remembers of its own.
      revocationBoundMs: 120_000,
      signInBoundMs: 0,
      updateBoundMs: 60_000,
      listBoundMs: 0,
      graceMs: 60_000,
      idleTimeoutMs: contractTimeouts.idleTimeoutSeconds * 1000,
      absoluteTimeoutMs: contractTimeouts.absoluteTimeoutSeconds * 1000,
      renewalFraction: 0.1,
    },
    without: ['checkCredentials', 'lateWrites'],
  }).filter(({ requires }) => requires === undefined)) {
    test(name, run)
  }
})
