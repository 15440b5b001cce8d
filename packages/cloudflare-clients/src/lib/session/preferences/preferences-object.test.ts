import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { toUserRef } from '../session-token.ts'
import { UserPreferences } from './user-preferences.ts'

const dayMs = 86_400_000

afterEach(() => {
  vi.useRealTimers()
})

function openPreferences() {
  return new UserPreferences(env.KV, { authority: env.SESSIONS, freshness: 'strict' })
}

function objectOf(userId: string) {
  return env.SESSIONS.getByName(`user:${toUserRef(userId)}`)
}

/** Moves only what `Date` says, for the test and for the objects beside it. */
function stopTime(): { advance(ms: number): void } {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  return {
    advance: (ms) => {
      vi.setSystemTime(Date.now() + ms)
    },
  }
}

async function signIn(userId: string): Promise<void> {
  const nowMs = Date.now()
  const record = {
    id: `session of ${userId}`,
    userId,
    version: 1,
    createdAtMs: nowMs,
    authenticatedAtMs: nowMs,
    lastSeenAtMs: nowMs,
    expiresAtMs: nowMs + 3_600_000,
    idleTimeoutMs: 3_600_000,
    remember: true,
    everyoneEpoch: 0,
    roles: [],
    data: null,
  }
  await objectOf(userId).create({ tokenHash: 'a', record })
}

function countStored(userId: string): Promise<{ sessions: number; preferences: number }> {
  return runInDurableObject(objectOf(userId), (_, { storage }) => {
    const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").toArray()
    const sessions =
      tables.length === 0 ? 0 : storage.sql.exec('SELECT 1 FROM sessions').toArray().length
    return { sessions, preferences: [...storage.kv.list()].length }
  })
}

describe('preferences in a Durable Object', () => {
  test('survive an eviction, with their stamps and what was removed', async () => {
    const preferences = openPreferences()
    const nowMs = Date.now()
    const fields = { theme: 'dark', mail: { news: [true, null] }, gone: 1 }
    await preferences.patch('kept', fields, { writtenAtMs: nowMs - 10 })
    await preferences.patch('kept', { gone: null }, { writtenAtMs: nowMs - 8 })
    await evictDurableObject(objectOf('kept'))
    const late = { theme: 'late', gone: 'late' }
    const merged = await preferences.patch('kept', late, { writtenAtMs: nowMs - 11 })
    expect(merged).toEqual({ theme: 'dark', mail: { news: [true, null] } })
    await evictDurableObject(objectOf('kept'))
    expect(await openPreferences().get('kept')).toEqual(merged)
  })

  test('lose no field of patches that come at once from several isolates', async () => {
    const [one, other] = [openPreferences(), openPreferences()]
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        (at % 2 === 0 ? one : other).patch('at-once', { [`f${at}`]: at }),
      ),
    )
    const expected = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`f${at}`, at]))
    expect(await openPreferences().get('at-once')).toEqual(expected)
  })

  test('take a repeated call once over an eviction', async () => {
    const preferences = openPreferences()
    const writtenAtMs = Date.now() + dayMs
    await preferences.patch('repeated', { theme: 'mine' }, { writtenAtMs })
    await preferences.patch('repeated', { theme: 'theirs' })
    await evictDurableObject(objectOf('repeated'))
    const merged = await preferences.patch('repeated', { theme: 'mine' }, { writtenAtMs })
    expect(merged).toEqual({ theme: 'theirs' })
  })

  test('are refused as a whole where a name in a call is __proto__', async () => {
    const fields = JSON.parse('{"a":1,"__proto__":{"b":1}}') as Record<string, unknown>
    await expect(openPreferences().patch('proto', fields)).rejects.toThrow('__proto__')
    expect(await countStored('proto')).toEqual({ sessions: 0, preferences: 0 })
  })

  test('store nothing where they are only read', async () => {
    expect(await openPreferences().get('asked')).toEqual({})
    expect(await countStored('asked')).toEqual({ sessions: 0, preferences: 0 })
  })
})

describe('the alarm of an object with sessions', () => {
  test('keeps preferences when it has forgotten the last session, and over an eviction after', async () => {
    const time = stopTime()
    await signIn('lasting')
    await openPreferences().patch('lasting', { theme: 'dark' })
    expect(await countStored('lasting')).toEqual({ sessions: 1, preferences: 1 })
    time.advance(400 * dayMs)
    expect(await runDurableObjectAlarm(objectOf('lasting'))).toBe(true)
    await evictDurableObject(objectOf('lasting'))
    expect(await countStored('lasting')).toEqual({ sessions: 0, preferences: 1 })
    expect(await openPreferences().get('lasting')).toEqual({ theme: 'dark' })
    // There is nothing left that it could forget.
    expect(await runDurableObjectAlarm(objectOf('lasting'))).toBe(false)
    await signIn('lasting')
    expect(await countStored('lasting')).toEqual({ sessions: 1, preferences: 1 })
  })

  test('deletes all that is stored 30 days after an erasure, where no session is left', async () => {
    const time = stopTime()
    await openPreferences().patch('erased', { theme: 'dark' })
    await openPreferences().delete('erased')
    expect(await openPreferences().get('erased')).toEqual({})
    await signIn('erased')
    time.advance(2 * dayMs)
    expect(await runDurableObjectAlarm(objectOf('erased'))).toBe(true)
    expect(await countStored('erased')).toEqual({ sessions: 0, preferences: 1 })
    time.advance(28 * dayMs)
    expect(await runDurableObjectAlarm(objectOf('erased'))).toBe(true)
    expect(await countStored('erased')).toEqual({ sessions: 0, preferences: 0 })
    expect(await runDurableObjectAlarm(objectOf('erased'))).toBe(false)
  })

  test('comes in time for a session that is created after an erasure', async () => {
    stopTime()
    await openPreferences().delete('both')
    await signIn('both')
    const alarmAtMs = await runInDurableObject(objectOf('both'), (_, { storage }) =>
      storage.getAlarm(),
    )
    expect(alarmAtMs).toBe(Date.now() + 3_600_000 + dayMs)
  })
})
