import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSessionRecord } from '../../../test/support/session-record.ts'
import type { SessionAuthorityNamespace } from './session-authority-calls.ts'
import type { SessionRecord } from './session-record.ts'

const dayMs = 86_400_000
const idleMs = 600_000
const namespace: SessionAuthorityNamespace = env.SESSIONS

afterEach(() => {
  vi.useRealTimers()
})

function objectOf(name: string) {
  return env.SESSIONS.getByName(name)
}

/** Moves only what `Date` says, for the test and for the objects beside it. */
function stopTime(): { advance(ms: number): void } {
  // In the future: workerd takes no alarm for a time that has passed for itself.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2100, 0, 1) })
  return {
    advance: (ms) => {
      vi.setSystemTime(Date.now() + ms)
    },
  }
}

async function create(name: string, tokenHash: string, changes: Partial<SessionRecord> = {}) {
  const record = createSessionRecord(Date.now(), { id: `session-${tokenHash}`, ...changes })
  return namespace.getByName(name).create({ tokenHash, record })
}

async function verdict(name: string, tokenHash: string, touch = false): Promise<string> {
  const request = { tokenHash, touch, renewalFraction: 0.1 }
  const reply = await namespace.getByName(name).check(request)
  return reply.ok ? 'ok' : reply.reason
}

async function countRows(name: string): Promise<number> {
  return runInDurableObject(objectOf(name), (_, { storage }) => {
    const [table] = storage.sql
      .exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'")
      .toArray()
    if (table === undefined) return 0
    return storage.sql.exec<{ count: number }>('SELECT count(*) AS count FROM sessions').one().count
  })
}

async function hasTable(name: string): Promise<boolean> {
  return runInDurableObject(objectOf(name), (_, { storage }) => {
    const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'")
    return tables.toArray().length > 0
  })
}

async function alarmOf(name: string): Promise<number | null> {
  return runInDurableObject(objectOf(name), (_, { storage }) => storage.getAlarm())
}

const restarts = [
  ['an eviction', (name: string) => evictDurableObject(objectOf(name))],
  ['a crash', () => abortAllDurableObjects()],
] as const

describe.for(restarts)('over %s', ([how, restart]) => {
  test('a session is kept as it is, through its changes', async () => {
    const name = `kept over ${how}`
    const time = stopTime()
    await create(name, 'a', { data: { cart: ['book'] }, device: 'Firefox' })
    await restart(name)
    time.advance(idleMs / 2)
    expect(await verdict(name, 'a', true)).toBe('ok')
    await restart(name)
    time.advance(idleMs - 1)
    const rotation = { tokenHash: 'a', newTokenHash: 'b', graceMs: 60_000 }
    const rotated = await namespace.getByName(name).rotate(rotation)
    await restart(name)
    expect(await namespace.getByName(name).rotate(rotation)).toEqual(rotated)
    const { record } = rotated as { record?: SessionRecord }
    expect(record).toMatchObject({ version: 3, data: { cart: ['book'] }, device: 'Firefox' })
    await namespace.getByName(name).update({ tokenHash: 'b' }, { roles: ['owner'] })
    await restart(name)
    expect(await namespace.getByName(name).list('b')).toMatchObject([
      { id: 'session-a', lastSeenAtMs: Date.now(), current: true },
    ])
    time.advance(60_000)
    // The update was a use of the new token.
    expect(await verdict(name, 'a')).toBe('reused')
    await restart(name)
    expect(await verdict(name, 'b')).toBe('reused')
  })

  test('what was revoked stays revoked, and what began before is refused', async () => {
    const name = `revoked over ${how}`
    stopTime()
    for (const hash of ['a', 'b', 'c']) await create(name, hash)
    const epoch = await namespace.getByName(name).getEpoch()
    await namespace.getByName(name).revoke({ tokenHash: 'a' })
    await namespace.getByName(name).revoke({ all: true, exceptTokenHash: 'c' })
    await restart(name)
    expect(await Promise.all(['a', 'b', 'c'].map((hash) => verdict(name, hash)))).toEqual([
      'revoked',
      'revoked',
      'ok',
    ])
    const late = { tokenHash: 'd', record: createSessionRecord(Date.now()), epoch }
    expect(await namespace.getByName(name).create(late)).toEqual({
      ok: false,
      reason: 'epoch_moved',
    })
  })

  test('a ban and the epoch of everyone are kept', async () => {
    const name = `banned over ${how}`
    stopTime()
    await namespace.getByName(name).setBan(true)
    await namespace.getByName(name).raiseEveryoneEpoch(9)
    await restart(name)
    expect(await create(name, 'a')).toEqual({ ok: false, reason: 'banned' })
    expect(await namespace.getByName(name).getEveryoneEpoch()).toBe(9)
    await namespace.getByName(name).setBan(false)
    await restart(name)
    expect(await create(name, 'a')).toEqual({ ok: true, replaced: [] })
  })
})

describe('calls that come at once', () => {
  test('leave no session that a revocation of all did not end or that came after it', async () => {
    stopTime()
    const authority = namespace.getByName('at once')
    const epoch = await authority.getEpoch()
    const sign = (index: number) => {
      const record = createSessionRecord(Date.now(), { id: `session-${index}` })
      return authority.create({ tokenHash: `hash-${index}`, record, epoch })
    }
    const signIns = Array.from({ length: 20 }, (_, index) => sign(index))
    const revoked = authority.revoke({ all: true })
    const late = Array.from({ length: 20 }, (_, index) => sign(index + 20))
    const replies = await Promise.all([...signIns, ...late])
    const { count } = await revoked
    expect(replies.filter(({ ok }) => ok)).toHaveLength(count)
    expect(await authority.list()).toEqual([])
  })

  test('of rotations of one token all give a good one', async () => {
    stopTime()
    const authority = namespace.getByName('rotated at once')
    await create('rotated at once', 'a')
    const news = ['b', 'c', 'd']
    await Promise.all(
      news.map((newTokenHash) =>
        authority.rotate({ tokenHash: 'a', newTokenHash, graceMs: 60_000 }),
      ),
    )
    for (const hash of ['a', ...news]) expect(await verdict('rotated at once', hash)).toBe('ok')
  })
})

test('writes a row for each change, and none for being asked', async () => {
  const name = 'rows'
  const time = stopTime()
  const countWrites = () =>
    runInDurableObject(
      objectOf(name),
      (_, { storage }) =>
        storage.sql.exec<{ count: number }>('SELECT count(*) AS count FROM writes').one().count,
    )
  await create(name, 'a')
  await runInDurableObject(objectOf(name), (_, { storage }) => {
    // Triggers see every write of a row.
    storage.sql.exec('CREATE TABLE writes (count INTEGER)')
    for (const change of ['INSERT', 'UPDATE', 'DELETE']) {
      storage.sql.exec(
        `CREATE TRIGGER on_${change} AFTER ${change} ON sessions BEGIN INSERT INTO writes VALUES (1); END`,
      )
    }
  })
  for (let call = 0; call < 10; call++) await verdict(name, 'a', true)
  await namespace.getByName(name).list('a')
  await namespace.getByName(name).getEpoch()
  expect(await countWrites()).toBe(0)
  time.advance(idleMs / 10)
  for (let call = 0; call < 10; call++) await verdict(name, 'a', true)
  expect(await countWrites()).toBe(1)
  await namespace.getByName(name).rotate({ tokenHash: 'a', newTokenHash: 'b', graceMs: 0 })
  expect(await countWrites()).toBe(2)
  await create(name, 'c')
  expect(await countWrites()).toBe(3)
  await namespace.getByName(name).revoke({ tokenHash: 'c' })
  expect(await countWrites()).toBe(4)
})

test('stores nothing for a user who is only asked about', async () => {
  stopTime()
  expect(await verdict('asked', 'a', true)).toBe('unknown')
  expect(await namespace.getByName('asked').list()).toEqual([])
  await namespace.getByName('asked').revoke({ tokenHash: 'a' })
  expect(await namespace.getByName('asked').getEveryoneEpoch()).toBe(0)
  expect(await countRows('asked')).toBe(0)
  expect(await alarmOf('asked')).toBeNull()
})

describe('the alarm', () => {
  test('deletes everything a day after the last session ended', async () => {
    const name = 'idle'
    const time = stopTime()
    await create(name, 'a')
    expect(await alarmOf(name)).toBe(Date.now() + idleMs + dayMs)
    time.advance(idleMs + dayMs - 1)
    expect(await runDurableObjectAlarm(objectOf(name))).toBe(true)
    expect(await countRows(name)).toBe(1)
    expect(await verdict(name, 'a')).toBe('idle')
    time.advance(1)
    expect(await runDurableObjectAlarm(objectOf(name))).toBe(true)
    expect(await countRows(name)).toBe(0)
    expect(await hasTable(name)).toBe(false)
    expect(await runDurableObjectAlarm(objectOf(name))).toBe(false)
    expect(await verdict(name, 'a')).toBe('unknown')
    // Its table and its alarm come back with the next use.
    await create(name, 'b')
    expect(await countRows(name)).toBe(1)
    expect(await alarmOf(name)).toBe(Date.now() + idleMs + dayMs)
  })

  test('is set again for a session that was used', async () => {
    const name = 'used'
    const time = stopTime()
    await create(name, 'a', { expiresAtMs: Date.now() + 30 * dayMs, idleTimeoutMs: dayMs })
    time.advance(dayMs - 1)
    expect(await verdict(name, 'a', true)).toBe('ok')
    const endMs = Date.now() + dayMs
    time.advance(dayMs + 1)
    expect(await runDurableObjectAlarm(objectOf(name))).toBe(true)
    expect(await alarmOf(name)).toBe(endMs + dayMs)
    await evictDurableObject(objectOf(name))
    time.advance(dayMs)
    expect(await runDurableObjectAlarm(objectOf(name))).toBe(true)
    expect(await countRows(name)).toBe(0)
  })

  test('keeps what refuses an old sign-in for as long as it would be accepted otherwise', async () => {
    const name = 'epoch'
    const time = stopTime()
    const epoch = await namespace.getByName(name).getEpoch()
    await namespace.getByName(name).revoke({ all: true })
    time.advance(dayMs - 1)
    await runDurableObjectAlarm(objectOf(name))
    expect(await countRows(name)).toBe(1)
    const late = { tokenHash: 'a', record: createSessionRecord(Date.now()), epoch }
    const refused = { ok: false, reason: 'epoch_moved' }
    expect(await namespace.getByName(name).create(late)).toEqual(refused)
    time.advance(60_001)
    expect(await runDurableObjectAlarm(objectOf(name))).toBe(true)
    expect(await countRows(name)).toBe(0)
    expect(await namespace.getByName(name).create(late)).toEqual(refused)
  })

  test('never deletes a ban or the epoch of everyone', async () => {
    const time = stopTime()
    await create('banned', 'a')
    await namespace.getByName('banned').setBan(true)
    await namespace.getByName('everyone').raiseEveryoneEpoch(3)
    expect(await alarmOf('everyone')).toBeNull()
    time.advance(30 * dayMs)
    expect(await runDurableObjectAlarm(objectOf('banned'))).toBe(true)
    expect(await countRows('banned')).toBe(1)
    expect(await alarmOf('banned')).toBeNull()
    expect(await create('banned', 'b')).toEqual({ ok: false, reason: 'banned' })
    await namespace.getByName('banned').setBan(false)
    expect(await alarmOf('banned')).not.toBeNull()
    await runDurableObjectAlarm(objectOf('banned'))
    expect(await countRows('banned')).toBe(0)
    expect(await namespace.getByName('everyone').getEveryoneEpoch()).toBe(3)
  })
})
