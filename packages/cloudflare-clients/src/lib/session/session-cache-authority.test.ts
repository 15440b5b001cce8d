import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEdgeSimulator, type EdgeSimulator } from '../testing/edge-simulator.ts'
import { keys } from '../kv/keys.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import type { CachedSession } from './cached-session.ts'
import { createMemorySessionAuthority } from './memory-authority.ts'
import type { SessionAuthorityCalls, SessionAuthorityNamespace } from './session-authority-calls.ts'
import { SessionCacheClient, type SessionCacheClientOptions } from './session-cache-client.ts'

const simulatorStartMs = 1_700_000_000_000
/** After it, every location shows what was written before. */
const propagatedMs = 180_000

function createSession(
  token: string,
  { userId = 'user-1', lifetimeSeconds = 7200, fromMs = simulatorStartMs, name = 'Ada' } = {},
): CachedSession {
  return {
    session: {
      id: `session-of-${token}`,
      userId,
      token,
      expiresAt: new Date(fromMs + lifetimeSeconds * 1000).toISOString(),
    },
    user: { id: userId, email: 'ada@example.com', name, role: 'creator', emailVerified: true },
  }
}

interface Edge {
  readonly simulator: EdgeSimulator
  /** A client of its own, as an isolate has it. */
  client(location?: string, options?: Partial<SessionCacheClientOptions>): SessionCacheClient
  readonly events: ClientEvent[]
  /** How often which call of the authority was made. */
  readonly asked: Record<string, number>
  /** What the authority does instead of answering. */
  fault: 'none' | 'error' | 'hang'
}

function createEdge({ latencyMs = () => 0 }: { latencyMs?: () => number } = {}): Edge {
  const simulator = createEdgeSimulator({ latency: latencyMs() > 0 ? 'typical' : 'none' })
  const { clock } = simulator
  const inner = createMemorySessionAuthority({ now: clock.now })
  const events: ClientEvent[] = []
  const asked: Record<string, number> = {}
  const authority: SessionAuthorityNamespace = {
    getByName: (name) =>
      new Proxy(inner.getByName(name), {
        get: (calls, property) => {
          const method = property as keyof SessionAuthorityCalls
          return async (...args: never[]) => {
            asked[method] = (asked[method] ?? 0) + 1
            if (edge.fault === 'hang') return new Promise(() => undefined)
            if (edge.fault === 'error') throw new Error('network')
            if (latencyMs() > 0) await clock.sleep(latencyMs())
            const reply = await (calls[method] as (...all: never[]) => Promise<unknown>)(...args)
            if (latencyMs() > 0) await clock.sleep(latencyMs())
            return reply
          }
        },
      }),
  }
  const edge: Edge = {
    simulator,
    events,
    asked,
    fault: 'none',
    client: (location = 'AMS', options = {}) =>
      new SessionCacheClient(simulator.location(location).kv('sessions'), {
        authority,
        now: clock.now,
        timers: clock,
        onEvent: (event) => events.push(event),
        ...options,
      }),
  }
  return edge
}

const keyOf = (token: string): string => keys.session(sha256Base64Url(token))

describe('a session that its user’s authority lists', () => {
  test('is given back as it was taken, everywhere, with one write', async () => {
    const edge = createEdge()
    const session = createSession('t')
    await edge.client().set('t', session)
    expect(edge.simulator.operations).toMatchObject({ write: 1, list: 0 })
    await edge.simulator.clock.advance(propagatedMs)
    expect(await edge.client('SIN').get('t')).toEqual(session)
    expect(await edge.client('SIN').get('t', { freshness: 'strict' })).toEqual(session)
  })

  test.for([1, 60, 3600])('is asked for once in %i s with that freshness', async (seconds) => {
    const edge = createEdge()
    const client = edge.client('AMS', { freshness: { boundedSeconds: seconds } })
    await client.set('t', createSession('t'))
    await edge.simulator.clock.advance(seconds * 1000)
    expect(await client.get('t')).not.toBeNull()
    expect(edge.asked).toEqual({ create: 1 })
    await edge.simulator.clock.advance(1)
    expect(await client.get('t')).not.toBeNull()
    expect(await client.get('t')).not.toBeNull()
    expect(edge.asked).toEqual({ create: 1, check: 1 })
  })

  test('costs nothing while memory is young, and no read for a minute where it is strict', async () => {
    const edge = createEdge()
    const client = edge.client()
    await client.set('t', createSession('t'))
    edge.simulator.resetBill()
    for (let call = 0; call < 5; call++) await client.get('t')
    expect(edge.asked).toEqual({ create: 1 })
    for (let call = 0; call < 5; call++) await client.get('t', { freshness: 'strict' })
    expect(edge.asked).toEqual({ create: 1, check: 5 })
    expect(edge.simulator.operations.read).toBe(0)
    await edge.simulator.clock.advance(60_001)
    await client.get('t', { freshness: 'strict' })
    expect(edge.simulator.operations.read).toBe(1)
  })

  test('shows what was set anew, elsewhere within KV’s delay and a minute', async () => {
    const edge = createEdge()
    const other = edge.client('SIN')
    await edge.client().set('t', createSession('t'))
    await other.get('t')
    await edge.simulator.clock.advance(2000)
    await edge.client().set('t', createSession('t', { name: 'Grace' }))
    await edge.simulator.clock.advance(propagatedMs)
    expect((await other.get('t'))?.user.name).toBe('Grace')
  })

  test('lives on when it is set with a later end, also after its first one', async () => {
    const edge = createEdge()
    const client = edge.client()
    const { clock } = edge.simulator
    await client.set('t', createSession('t', { lifetimeSeconds: 100 }))
    await clock.advance(100_000)
    expect(await client.get('t', { freshness: 'strict' })).toBeNull()
    await client.set('t', createSession('t', { fromMs: clock.now(), lifetimeSeconds: 100 }))
    await clock.advance(99_999)
    expect(await client.get('t', { freshness: 'strict' })).not.toBeNull()
    await clock.advance(1)
    expect(await client.get('t', { freshness: 'strict' })).toBeNull()
  })

  test('is missing where the authority does not know it, such as one from before it was there', async () => {
    const edge = createEdge()
    const kv = edge.simulator.location('AMS').kv('sessions')
    await new SessionCacheClient(kv, { now: edge.simulator.clock.now }).set('t', createSession('t'))
    expect(await edge.client().get('t')).toBeNull()
    await edge.simulator.clock.advance(1000)
    await edge.client().set('t', createSession('t'))
    expect(await edge.client().get('t')).not.toBeNull()
  })
})

describe.for(['delete', 'deleteUserSessions'] as const)('after %s has returned', (operation) => {
  async function end(client: SessionCacheClient): Promise<void> {
    if (operation === 'delete') await client.delete('t')
    else expect(await client.deleteUserSessions('user-1')).toEqual({ deletedSessions: 1 })
  }

  test('strict accepts it nowhere, though KV and memory still have it', async () => {
    const edge = createEdge()
    const others = ['AMS', 'SIN', 'IAD'].map((name) => edge.client(name, { freshness: 'strict' }))
    const client = edge.client()
    await client.set('t', createSession('t'))
    await edge.simulator.clock.advance(propagatedMs)
    for (const other of others) expect(await other.get('t')).not.toBeNull()
    await end(client)
    for (const other of others) expect(await other.get('t')).toBeNull()
    expect(await client.get('t')).toBeNull()
  })

  test.for([1, 60, 600])('a freshness of %i s refuses it after that time', async (seconds) => {
    const edge = createEdge()
    const { clock } = edge.simulator
    const freshness = { boundedSeconds: seconds }
    const other = edge.client('SIN', { freshness })
    await edge.client().set('t', createSession('t'))
    await clock.advance(propagatedMs)
    expect(await other.get('t', { freshness: 'strict' })).not.toBeNull()
    await end(edge.client())
    await clock.advance(seconds * 1000)
    // Confirmed in the same millisecond in which it ended: the last that may be accepted.
    expect(await other.get('t')).not.toBeNull()
    await clock.advance(1)
    expect(await other.get('t')).toBeNull()
    expect(await other.get('t')).toBeNull()
  })

  test('it is not cached again, and no copy that comes later is accepted', async () => {
    const edge = createEdge()
    const client = edge.client()
    await client.set('t', createSession('t'))
    const copy = await edge.simulator.location('AMS').kv('sessions').get(keyOf('t'))
    await edge.simulator.clock.advance(1000)
    await end(edge.client('SIN'))
    await edge.simulator.clock.advance(1000)
    await edge.client('IAD').set('t', createSession('t'))
    expect(edge.simulator.store('sessions').get(keyOf('t'))).toBeNull()
    await edge.simulator.location('IAD').kv('sessions').put(keyOf('t'), String(copy))
    await edge.simulator.clock.advance(60_000)
    for (const name of ['AMS', 'SIN', 'IAD']) expect(await edge.client(name).get('t')).toBeNull()
  })

  test('this isolate refuses it at once, whatever the freshness, and asks nobody', async () => {
    const edge = createEdge()
    const client = edge.client('AMS', { freshness: 'edge' })
    await client.set('t', createSession('t'))
    await end(client)
    expect(await client.get('t')).toBeNull()
    expect(edge.asked).toEqual({ create: 1, revoke: 1 })
  })

  test('an answer from before it, which comes later, brings nothing back', async () => {
    let latencyMs = 1
    const edge = createEdge({ latencyMs: () => latencyMs })
    const { clock } = edge.simulator
    const client = edge.client('AMS', { timeoutMs: 600_000 })
    await clock.run(() => client.set('t', createSession('t')))
    const getting = client.get('t', { freshness: 'strict' })
    latencyMs = 60_000
    await clock.advance(1)
    latencyMs = 1
    await clock.run(() => end(client))
    expect(await clock.run(() => getting)).toBeNull()
    expect(await clock.run(() => client.get('t', { freshness: 'edge' }))).toBeNull()
  })

  test('a copy with a stamp from the future is not believed', async () => {
    const edge = createEdge()
    await edge.client().set('t', createSession('t'))
    const kv = edge.simulator.location('AMS').kv('sessions')
    const copy = JSON.parse(String(await kv.get(keyOf('t')))) as object
    await edge.simulator.clock.advance(1000)
    await end(edge.client())
    await edge.simulator.clock.advance(1000)
    const confirmedAtMs = edge.simulator.clock.now() + 1
    await kv.put(keyOf('t'), JSON.stringify({ ...copy, confirmedAtMs }))
    expect(await edge.client().get('t')).toBeNull()
  })

  test('it is ended also where KV fails, which is reported', async () => {
    const edge = createEdge()
    const client = edge.client()
    await client.set('t', createSession('t'))
    edge.simulator.injectFault({ type: 'error', operations: ['delete'] })
    await end(client)
    expect(edge.events).toMatchObject([{ type: 'store_error', client: 'session-cache' }])
    expect(await edge.client('SIN').get('t', { freshness: 'strict' })).toBeNull()
  })

  test('an authority that does not answer rejects it, and the session lives', async () => {
    const edge = createEdge()
    const client = edge.client()
    await client.set('t', createSession('t'))
    edge.fault = 'error'
    await expect(end(client)).rejects.toMatchObject({ name: 'SessionError', code: 'unavailable' })
    expect(await client.get('t')).not.toBeNull()
  })
})

describe('a session that was read from the database before it ended', () => {
  test('is not cached after delete, though the authority had never heard of it', async () => {
    const edge = createEdge()
    await edge.client().delete('t', { userId: 'user-1' })
    const late = edge.client('SIN')
    await late.set('t', createSession('t'))
    expect(await late.get('t')).toBeNull()
    await edge.simulator.clock.advance(86_399_999)
    await late.set('t', createSession('t', { fromMs: edge.simulator.clock.now() }))
    expect(await late.get('t')).toBeNull()
  })

  test('is not cached after deleteUserSessions, for a minute without readAtMs and for a day with it', async () => {
    const edge = createEdge()
    const { clock } = edge.simulator
    const readAtMs = clock.now()
    await edge.client().deleteUserSessions('user-1')
    const client = edge.client('SIN')
    await clock.advance(60_000)
    await client.set('t', createSession('t'))
    expect(await client.get('t')).toBeNull()
    await clock.advance(1)
    await client.set('t', createSession('t'), { readAtMs })
    expect(await client.get('t')).toBeNull()
    await client.set('t', createSession('t'))
    expect(await client.get('t')).not.toBeNull()
  })

  test('does not come back with a later end, where its first one had passed', async () => {
    for (const end of ['delete', 'deleteUserSessions']) {
      const edge = createEdge()
      const { clock } = edge.simulator
      await edge.client().set('t', createSession('t', { lifetimeSeconds: 10 }))
      await clock.advance(10_000)
      if (end === 'delete') await edge.client().delete('t', { userId: 'user-1' })
      else await edge.client().deleteUserSessions('user-1')
      const late = edge.client('SIN')
      await late.set('t', createSession('t'))
      expect(await late.get('t')).toBeNull()
    }
  })
})

describe('delete of a token', () => {
  test('finds its user in KV, and says where nobody knows them', async () => {
    const edge = createEdge()
    await edge.client().set('t', createSession('t'))
    await edge.simulator.clock.advance(1000)
    await edge.client().delete('t')
    expect(edge.asked).toMatchObject({ revoke: 1 })
    expect(edge.events).toEqual([])
    await edge.client('SIN').delete('never-cached')
    expect(edge.events).toMatchObject([{ type: 'unconfirmed_delete', key: keyOf('never-cached') }])
    expect(edge.asked).toMatchObject({ revoke: 1 })
  })

  test('with its user holds also where KV does not show the session yet', async () => {
    const edge = createEdge()
    const far = edge.client('SIN')
    // SIN has looked for it in vain, and goes on to for a while.
    expect(await far.get('t')).toBeNull()
    await edge.client().set('t', createSession('t'))
    await far.delete('t', { userId: 'user-1' })
    expect(await edge.client().get('t', { freshness: 'strict' })).toBeNull()
  })

  test('rejects where KV fails and nothing else says whose session it is', async () => {
    const edge = createEdge()
    await edge.client().set('t', createSession('t'))
    edge.simulator.injectFault({ type: 'error' })
    await expect(edge.client().delete('t')).rejects.toMatchObject({ name: 'KVError' })
    await edge.client().delete('t', { userId: 'user-1' })
    expect(
      await edge
        .client()
        .get('t')
        .catch(() => null),
    ).toBeNull()
  })
})

describe('an authority that does not answer', () => {
  test.for(['error', 'hang'] as const)(
    'by %s is not "signed out" where it is closed',
    async (fault) => {
      const edge = createEdge()
      const client = edge.client('AMS', { timeoutMs: 2000, freshness: 'strict' })
      await client.set('t', createSession('t'))
      edge.fault = fault
      const code = fault === 'hang' ? 'no_answer' : 'unavailable'
      const { clock } = edge.simulator
      await expect(clock.run(() => client.get('t'))).rejects.toMatchObject({ code })
      await expect(clock.run(() => client.set('u', createSession('u')))).rejects.toMatchObject({
        code,
      })
      expect(await client.get('t', { freshness: { boundedSeconds: 60 } })).not.toBeNull()
    },
  )

  test.for([1, 900])('accepts a copy of up to %i s where it is open', async (openWithinSeconds) => {
    const edge = createEdge()
    const { clock } = edge.simulator
    const options = { onUnavailable: { openWithinSeconds }, freshness: 'strict' } as const
    const clients = [edge.client('AMS', options), edge.client('AMS', options)]
    await clients[0]?.set('t', createSession('t'))
    edge.fault = 'error'
    await clock.advance(openWithinSeconds * 1000)
    for (const client of clients) expect(await client.get('t')).not.toBeNull()
    await clock.advance(1)
    for (const client of clients) {
      await expect(client.get('t')).rejects.toMatchObject({ code: 'unavailable' })
    }
  })

  test('is reported by set where it is open, and nothing is cached', async () => {
    const edge = createEdge()
    edge.fault = 'error'
    await edge.client().set('t', createSession('t'))
    expect(edge.events).toMatchObject([{ type: 'store_error', operation: 'set' }])
    expect(edge.simulator.operations.write).toBe(0)
  })

  test('does not bring back what this isolate knows to have ended', async () => {
    const edge = createEdge()
    const client = edge.client()
    await client.set('t', createSession('t'))
    await client.delete('t')
    edge.fault = 'error'
    expect(await client.get('t')).toBeNull()
  })
})

test('a KV that fails is made up for by memory, and is no miss without', async () => {
  const edge = createEdge()
  const client = edge.client()
  await client.set('t', createSession('t'))
  await edge.simulator.clock.advance(100_000)
  edge.simulator.injectFault({ type: 'error', operations: ['read'] })
  expect(await client.get('t', { freshness: 'strict' })).not.toBeNull()
  await expect(edge.client().get('t')).rejects.toMatchObject({ name: 'KVError' })
  expect(await edge.client('AMS', { onStoreError: 'miss' }).get('t')).toBeNull()
})

test('keeps a session for maxTtlSeconds at most, in memory too', async () => {
  const edge = createEdge()
  const client = edge.client('AMS', { maxTtlSeconds: 100 })
  await client.set('t', createSession('t'))
  await edge.simulator.clock.advance(99_999)
  expect(await client.get('t')).not.toBeNull()
  await edge.simulator.clock.advance(1)
  expect(await client.get('t', { freshness: 'edge' })).toBeNull()
})

test('takes the newest sessions where there are more than memory has room for', async () => {
  const edge = createEdge()
  const client = edge.client('AMS', { memoryEntries: 1 })
  await client.set('a', createSession('a'))
  await client.set('b', createSession('b'))
  edge.simulator.resetBill()
  await client.get('b')
  expect(edge.simulator.operations.read).toBe(0)
  await client.get('a')
  expect(edge.simulator.operations.read).toBe(1)
})

test('refuses options out of range, and an authority that is missing', () => {
  const edge = createEdge()
  expect(() => edge.client('AMS', { authority: undefined as never })).toThrow(TypeError)
  for (const options of [
    { freshness: { boundedSeconds: 0 } },
    { freshness: { boundedSeconds: 86_401 } },
    { onUnavailable: { openWithinSeconds: -1 } },
    { memoryEntries: -1 },
    { timeoutMs: 0 },
  ]) {
    expect(() => edge.client('AMS', options)).toThrow(RangeError)
  }
})

describe('whatever interleaves', () => {
  const action = fc.record({
    type: fc.constantFrom('request', 'request', 'delete', 'deleteUserSessions'),
    token: fc.constantFrom('t-1', 't-2', 't-3'),
    isolate: fc.nat({ max: 5 }),
    startMs: fc.nat({ max: 10_000 }),
    databaseMs: fc.nat({ max: 20_000 }),
  })

  test('nothing that had ended is accepted, and nothing is missed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 2, maxLength: 16 }),
        fc.constantFrom('strict' as const, 2, 10),
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 }),
        async (plan, freshness, latencies) => {
          let drawn = 0
          const latencyMs = (): number => latencies[drawn++ % latencies.length] ?? 1
          const edge = createEdge({ latencyMs })
          const { clock } = edge.simulator
          const boundMs = freshness === 'strict' ? 0 : freshness * 1000
          const options: Partial<SessionCacheClientOptions> = {
            freshness: freshness === 'strict' ? freshness : { boundedSeconds: freshness },
            timeoutMs: 60_000,
          }
          const isolates = ['AMS', 'SIN', 'IAD', 'AMS', 'SIN', 'IAD'].map((location) =>
            edge.client(location, options),
          )
          // The truth: a session lives until a deletion of it begins, and must be gone when that has returned.
          const alive = new Set(['t-1', 't-2', 't-3'])
          const endedMs = new Map<string, number>()
          await clock.run(() =>
            Promise.all(
              plan.map(async ({ type, token, isolate, startMs, databaseMs }) => {
                await clock.sleep(startMs)
                const client = isolates[isolate] ?? edge.client()
                if (type === 'request') {
                  const askedMs = clock.now()
                  const session = await client.get(token)
                  const gone = endedMs.get(token) ?? Infinity
                  if (session !== null) expect(askedMs).toBeLessThanOrEqual(gone + boundMs)
                  if (session !== null || !alive.has(token)) return
                  await clock.sleep(databaseMs)
                  await client.set(token, createSession(token))
                  return
                }
                const ending = type === 'delete' ? [token] : ['t-1', 't-2', 't-3']
                for (const each of ending) alive.delete(each)
                if (type === 'delete') await client.delete(token, { userId: 'user-1' })
                else await client.deleteUserSessions('user-1')
                for (const each of ending) {
                  endedMs.set(each, Math.min(endedMs.get(each) ?? Infinity, clock.now()))
                }
              }),
            ),
          )
          await clock.advance(boundMs + 1)
          for (const client of isolates) {
            for (const token of endedMs.keys()) {
              expect(await clock.run(() => client.get(token))).toBeNull()
            }
          }
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })
})
