import { describe, expect, test } from 'vitest'
import {
  BrokenSessions,
  type SessionFault,
  sessionFaults,
} from '../../../../test/support/broken-sessions.ts'
import {
  createContractSimulator,
  createSimulatedWorld,
} from '../../../../test/support/session-contract-worlds.ts'
import { describeError } from './contract-expectations.ts'
import type { ContractWorld, SessionGuarantees } from './contract-subject.ts'
import { createKVContractWorld } from './kv-contract-world.ts'
import { sessionStoreContract } from './session-store-contract.ts'

const guarantees: SessionGuarantees = {
  revocationBoundMs: 0,
  signInBoundMs: 0,
  updateBoundMs: 0,
  listBoundMs: 0,
  graceMs: 60_000,
  idleTimeoutMs: 3_600_000,
  absoluteTimeoutMs: 14_400_000,
  renewalFraction: 0.1,
}

function createWorld(fault?: SessionFault): ContractWorld {
  const sessions = new BrokenSessions(fault)
  return createSimulatedWorld(createContractSimulator(), {
    openIsolate: (place) => sessions.open(place),
    dump: () => Promise.resolve(sessions.dump()),
  })
}

async function findFailures(fault?: SessionFault): Promise<Record<string, string>> {
  const failures: Record<string, string> = {}
  for (const { name, run } of sessionStoreContract({
    createWorld: () => createWorld(fault),
    guarantees,
  })) {
    await run().catch((error: unknown) => {
      failures[name] = describeError(error)
    })
  }
  return failures
}

test('sessions without a fault pass every case', async () => {
  expect(await findFailures()).toEqual({})
})

test('each fault fails a case, and each case is failed by a fault', async () => {
  const report: Record<string, string[]> = {}
  for (const fault of sessionFaults) {
    for (const name of Object.keys(await findFailures(fault))) (report[name] ??= []).push(fault)
  }
  const caught = new Set(Object.values(report).flat())
  expect(sessionFaults.filter((fault) => !caught.has(fault))).toEqual([])
  const names = sessionStoreContract({ createWorld, guarantees }).map(({ name }) => name)
  expect(names.filter((name) => report[name] === undefined)).toEqual([])
})

describe('what is not there', () => {
  test('is listed with what it requires, and does not pass', async () => {
    const cases = sessionStoreContract({
      createWorld,
      guarantees: { ...guarantees, graceMs: undefined },
      without: ['list'],
    } as never)
    const missing = cases.filter(({ requires }) => requires !== undefined)
    expect(missing.map(({ requires }) => requires)).toEqual([
      ['list'],
      ['list'],
      ['list'],
      ['graceMs'],
    ])
    await expect(missing[0]?.run()).rejects.toThrow(
      'Cannot run case "the list has every session of the user, also those made at the same time, and no other": it requires list, received none',
    )
  })

  test('fails its cases where it is not said to be missing', async () => {
    const cases = sessionStoreContract({
      createWorld: () => {
        const world = createWorld()
        return {
          locations: world.locations,
          now: () => world.now(),
          advance: (ms) => world.advance(ms),
          openIsolate: async (location) => {
            const { signIn, validate, destroy } = await world.openIsolate(location)
            return { signIn, validate, destroy }
          },
        }
      },
      guarantees,
    })
    const run = (name: string) => cases.find((one) => one.name.startsWith(name))?.run()
    await expect(run('a new session is accepted, as')).resolves.toBeUndefined()
    await expect(run('the list of a user without')).rejects.toThrow(
      'Expected the isolate to have list, or `without` to name it, received none',
    )
    await expect(run('a store that fails')).rejects.toThrow(
      'Expected the world to have failStores, or `without` to name it, received none',
    )
  })
})

test('closes the world, also where a case fails', async () => {
  let closed = 0
  const [accepted] = sessionStoreContract({
    createWorld: () => ({
      ...createWorld(),
      locations: ['AMS'],
      close: () => {
        closed++
      },
    }),
    guarantees,
  })
  await expect(accepted?.run()).rejects.toThrow(
    'Expected a world with two locations or more, received 1',
  )
  expect(closed).toBe(1)
})

test.for([
  ['revocationBoundMs', -1],
  ['graceMs', Number.NaN],
  ['idleTimeoutMs', Infinity],
] as const)('refuses %s of %s', ([name, value]) => {
  expect(() => sessionStoreContract({ createWorld, guarantees: { [name]: value } })).toThrow(
    new RangeError(
      `Cannot list the session contract: ${name} must be a number from 0, received ${value}`,
    ),
  )
})

test('a world around KV has two locations or more', () => {
  const kv = createContractSimulator().location('AMS').kv('KV')
  const { clock } = createContractSimulator()
  const openIsolate = () => ({}) as never
  expect(() => createKVContractWorld({ locations: { AMS: kv }, clock, openIsolate })).toThrow(
    'Cannot create a session world: locations must be two or more, received 1',
  )
  const world = createKVContractWorld({ locations: { AMS: kv, SIN: kv }, clock, openIsolate })
  expect(() => world.openIsolate('IAD')).toThrow(
    'Cannot open isolate: location must be one of AMS, SIN, received IAD',
  )
})
