import { beforeEach, describe, expect, test } from 'vitest'
import { createSessionWorld, type SessionWorld } from '../../../test/support/session-world.ts'

let world: SessionWorld

beforeEach(() => {
  world = createSessionWorld()
})

/** Past every delay and cache of the simulator. */
const laterMs = 120_000

describe('KV alone', () => {
  test('accepts what it has, and promises nothing', async () => {
    const store = world.aloneIsolate('AMS')
    const token = await store.create('u', { data: 1 })
    await world.clock.advance(laterMs)
    world.takeCosts()
    expect(await world.aloneIsolate('SIN').validate(token)).toMatchObject({
      ok: true,
      source: 'kv',
      boundMs: null,
      session: { userId: 'u', data: 1 },
    })
    expect(world.takeCosts()).toEqual({ read: 1, write: 0, delete: 0, calls: [] })
  })

  test('a sign-in is seen at once here, and elsewhere with the sealed copy', async () => {
    const [here, there] = [world.aloneIsolate('AMS'), world.aloneIsolate('SIN')]
    const token = await here.create('u')
    world.simulator.location('AMS').evict()
    expect(await here.validate(token)).toMatchObject({ ok: true })
    const cookieHeader = (await here.getSealedCopyHeader(token))?.split(';')[0] ?? null
    expect(await there.validate(token)).toMatchObject({ ok: false, reason: 'unknown' })
    expect(await there.validate(token, { cookieHeader })).toMatchObject({
      ok: true,
      source: 'sealed-copy',
      boundMs: null,
    })
    await world.clock.advance(laterMs)
    expect(await there.validate(token)).toMatchObject({ ok: true, source: 'kv' })
  })

  test('refuses at once here what is destroyed here, and elsewhere when KV does', async () => {
    const [here, there] = [world.aloneIsolate('AMS'), world.aloneIsolate('SIN')]
    const token = await here.create('u')
    await world.clock.advance(laterMs)
    await there.get(token)
    expect(await here.destroy(token)).toBe(true)
    expect(await here.validate(token)).toMatchObject({ ok: false, reason: 'revoked' })
    expect(await there.validate(token)).toMatchObject({ ok: true })
    await world.clock.advance(laterMs)
    expect(await there.validate(token)).toMatchObject({ ok: false, reason: 'unknown' })
    expect(world.simulator.store('AUTH_SESSION_KV').keys()).toEqual([])
  })

  test('lists the sessions of a user, and ends all but one, and all', async () => {
    const store = world.aloneIsolate('AMS')
    const tokens = [await store.create('u'), await store.create('u'), await store.create('u')]
    await store.create('another')
    await world.clock.advance(laterMs)
    const [first = ''] = tokens
    const list = await store.list('u', { currentToken: first })
    expect(list).toHaveLength(3)
    expect(list.filter(({ current }) => current)).toHaveLength(1)
    const other = list.find(({ current }) => !current)
    expect(await store.destroyById('u', other?.id ?? '')).toBe(true)
    await world.clock.advance(laterMs)
    expect(await store.destroyAllForUser('u', { exceptToken: first })).toBe(1)
    await world.clock.advance(laterMs)
    expect(await store.get(first)).not.toBeNull()
    expect(await store.destroyAllForUser('u')).toBe(1)
    expect(await store.get(first)).toBeNull()
  })

  test('updates, rotates with a grace, and renews', async () => {
    const store = world.aloneIsolate('AMS', { idleTimeoutSeconds: 1000 })
    const older = await store.create('u', { email: 'a@example.com' })
    await world.clock.run(() => store.update(older, { data: 2 }))
    expect(await store.get(older)).toMatchObject({ data: 2, email: 'a@example.com' })
    await world.clock.advance(2000)
    const newer = String(await world.clock.run(() => store.rotate(older, { email: null })))
    await world.settle()
    await world.clock.advance(59_000)
    expect(await store.get(older)).toMatchObject({ data: 2 })
    await world.clock.advance(2000)
    expect(await store.get(older)).toBeNull()
    expect(await store.get(newer)).not.toHaveProperty('email')
    for (let step = 0; step < 5; step++) {
      await world.clock.advance(500_000)
      expect(await store.get(newer)).not.toBeNull()
      await world.settle()
    }
    await world.clock.advance(1_000_000)
    expect(await store.get(newer)).toBeNull()
  })

  test('a change of the user reaches all their sessions', async () => {
    const store = world.aloneIsolate('AMS')
    const tokens = [await store.create('u'), await store.create('u')]
    await world.clock.advance(laterMs)
    expect(await world.clock.run(() => store.updateUser('u', { roles: ['owner'] }))).toBe(true)
    await world.clock.advance(laterMs)
    for (const token of tokens) expect(await store.get(token)).toMatchObject({ roles: ['owner'] })
  })

  test('KV that fails is not "signed out"', async () => {
    const [here, there] = [world.aloneIsolate('AMS'), world.aloneIsolate('SIN')]
    const token = await here.create('u')
    await world.clock.advance(300_000)
    const end = world.simulator.injectFault({ type: 'error' })
    await expect(there.get(token)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(here.create('u')).rejects.toMatchObject({ code: 'unavailable' })
    expect(await here.validate(token)).toMatchObject({ ok: true, source: 'memory', boundMs: null })
    await expect(here.validate(token, { onUnavailable: 'closed' })).rejects.toMatchObject({
      code: 'unavailable',
    })
    end()
    expect(await there.get(token)).not.toBeNull()
  })

  test('refuses what only an authority can say', async () => {
    const store = world.aloneIsolate('AMS')
    for (const refused of [
      () => store.getEpoch('u'),
      () => store.ban('u'),
      () => store.unban('u'),
      () => store.destroyEveryone(),
    ]) {
      await expect(refused()).rejects.toMatchObject({ name: 'SessionError', code: 'no_authority' })
    }
    await expect(store.validate('t', { freshness: 'strict' })).rejects.toThrow('authority')
    expect(() => world.aloneIsolate('AMS', { freshness: { boundedSeconds: 5 } })).toThrow(TypeError)
  })
})
