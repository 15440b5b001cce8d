import { expect, test } from 'vitest'
import { createSessionWorld } from './support/session-world.ts'
import { readSessionsGuide } from './support/provided.ts'
import ownSource from './sessions-guide.test.ts?raw'

// The examples of docs/sessions.md, each as it stands there.

test('a sign-in is seen everywhere at once', async () => {
  const world = createSessionWorld()
  const amsterdam = world.isolate('AMS')
  const singapore = world.isolate('SIN')

  const token = await amsterdam.create('user-1', { email: 'mara@example.com', roles: ['creator'] })

  // KV has not brought it there yet, so the authority is asked.
  const found = await singapore.validate(token)
  expect(found).toMatchObject({ ok: true, source: 'authority', ageMs: 0, boundMs: 60_000 })
  expect(found.ok && found.session.roles).toEqual(['creator'])
})

test('strict refuses what was revoked before', async () => {
  const world = createSessionWorld()
  const amsterdam = world.isolate('AMS')
  const singapore = world.isolate('SIN')
  const token = await amsterdam.create('user-1')
  await singapore.validate(token)

  await amsterdam.destroy(token)

  expect(await singapore.validate(token, { freshness: 'strict' })).toMatchObject({
    ok: false,
    reason: 'revoked',
    boundMs: 0,
  })
})

test('bounded is late by so many seconds at most', async () => {
  const world = createSessionWorld()
  const amsterdam = world.isolate('AMS')
  const singapore = world.isolate('SIN')
  const token = await amsterdam.create('user-1')
  const page = { freshness: { boundedSeconds: 30 } } as const
  await singapore.validate(token, page)

  await amsterdam.destroy(token)

  await world.clock.advance(30_000)
  expect(await singapore.validate(token, page)).toMatchObject({ ok: true, ageMs: 30_000 })
  await world.clock.advance(1)
  expect(await singapore.validate(token, page)).toMatchObject({ ok: false, reason: 'revoked' })
})

test('a warm page view costs nothing, and a forged token nothing at all', async () => {
  const world = createSessionWorld()
  const singapore = world.isolate('SIN')
  const token = await singapore.create('user-1')
  await world.settle()
  world.takeCosts()

  for (let view = 0; view < 1000; view++) await singapore.validate(token)
  const forged = `${token.slice(0, -4)}AAAA`
  expect(await singapore.validate(forged)).toMatchObject({ ok: false, reason: 'forged' })

  expect(world.takeCosts()).toEqual({ read: 0, write: 0, delete: 0, calls: [] })
})

test('edge reads KV, and holds its bound however late KV is', async () => {
  const world = createSessionWorld()
  const amsterdam = world.isolate('AMS', { edgeSeconds: 300 })
  const token = await amsterdam.create('user-1')
  await world.settle()
  await world.clock.advance(120_000) // KV shows it elsewhere now

  const singapore = world.isolate('SIN', { edgeSeconds: 300 })
  const found = await singapore.validate(token, { freshness: 'edge' })
  expect(found).toMatchObject({ ok: true, source: 'kv', ageMs: 120_000, boundMs: 300_000 })

  await amsterdam.destroy(token)
  await world.clock.advance(180_001) // by now its copy is older than the bound
  expect(await singapore.validate(token, { freshness: 'edge' })).toMatchObject({
    ok: false,
    reason: 'revoked',
  })
})

test('an outage is no sign-out', async () => {
  const world = createSessionWorld()
  const singapore = world.isolate('SIN')
  const token = await singapore.create('user-1')
  await world.settle()
  world.fault = () => 'down' // the authority
  await world.clock.advance(600_000)

  // A page: what was confirmed in the last 15 minutes still opens.
  expect(await singapore.validate(token)).toMatchObject({
    ok: true,
    ageMs: 600_000,
    boundMs: 900_000,
  })
  // A purchase: it cannot be known, so answer 503.
  await expect(singapore.validate(token, { freshness: 'strict' })).rejects.toMatchObject({
    name: 'SessionError',
    code: 'unavailable',
  })
})

test('a new password ends the other devices at once', async () => {
  const world = createSessionWorld()
  const amsterdam = world.isolate('AMS')
  const singapore = world.isolate('SIN')
  const laptop = await amsterdam.create('user-1', { userAgent: 'Laptop' })
  const phone = await singapore.create('user-1', { userAgent: 'Phone' })

  // Somebody is signing in elsewhere with the old password, which is being checked right now.
  const epoch = await singapore.getEpoch('user-1')
  const next = await amsterdam.rotate(laptop, { graceSeconds: 0, reauthenticated: true })
  expect(await amsterdam.destroyAllForUser('user-1', { exceptToken: next ?? '' })).toBe(1)

  expect(await singapore.validate(phone, { freshness: 'strict' })).toMatchObject({ ok: false })
  expect(await amsterdam.validate(laptop, { freshness: 'strict' })).toMatchObject({ ok: false })
  expect(await amsterdam.validate(next, { freshness: 'strict' })).toMatchObject({ ok: true })
  await expect(singapore.create('user-1', { epoch })).rejects.toMatchObject({ code: 'epoch_moved' })
})

test('money wants a fresh proof', async () => {
  const world = createSessionWorld()
  const shop = world.isolate('AMS')
  const token = await shop.create('user-1')
  await world.clock.advance(3_600_000)

  const purchase = { freshness: 'strict', authenticatedWithinSeconds: 900 } as const
  expect(await shop.validate(token, purchase)).toMatchObject({
    reason: 'reauthentication_required',
  })

  const confirmed = await shop.rotate(token, { reauthenticated: true }) // after the password was given again
  expect(await shop.validate(confirmed, purchase)).toMatchObject({ ok: true })
})

test('a stolen token ends the session when both are used', async () => {
  const world = createSessionWorld()
  const site = world.isolate('AMS')
  const token = await site.create('user-1')
  const next = await site.rotate(token) // such as after a new role
  await site.validate(next, { freshness: 'strict' }) // the browser goes on with the new one

  await world.clock.advance(60_000) // the grace for requests that were on their way
  expect(await site.validate(token, { freshness: 'strict' })).toMatchObject({ reason: 'reused' })
  expect(await site.validate(next, { freshness: 'strict' })).toMatchObject({ ok: false })
  expect(world.audit.map(({ type }) => type)).toContain('reused')
})

test('devices', async () => {
  const world = createSessionWorld()
  const site = world.isolate('AMS')
  const laptop = await site.create('user-1', { userAgent: 'Laptop', ip: '192.0.2.77' })
  await world.clock.advance(1000)
  await site.create('user-1', { userAgent: 'Phone' })

  const devices = await site.list('user-1', { currentToken: laptop })
  expect(devices).toMatchObject([
    { device: 'Phone', current: false },
    { device: 'Laptop', current: true, ipPrefix: '192.0.2.0/24' },
  ])
  const [phone] = devices
  expect(await site.destroyById('user-1', phone?.id ?? '')).toBe(true)
  expect(await site.list('user-1')).toHaveLength(1)
})

test('a new role holds for all sessions of a user', async () => {
  const world = createSessionWorld()
  const site = world.isolate('AMS')
  const token = await site.create('user-1', { roles: ['customer'] })

  await site.updateUser('user-1', { roles: ['creator'] })

  const found = await world.isolate('SIN').validate(token, { freshness: 'strict' })
  expect(found.ok && found.session.roles).toEqual(['creator'])
})

test('everyone out', async () => {
  const world = createSessionWorld()
  const amsterdam = world.isolate('AMS')
  const singapore = world.isolate('SIN')
  const token = await amsterdam.create('user-1')
  await singapore.validate(token)

  await world.clock.run(() => amsterdam.destroyEveryone()) // returns 5 seconds later

  expect(await singapore.validate(token, { freshness: 'strict' })).toMatchObject({ ok: false })
})

test('KV alone promises less, and says so', async () => {
  const world = createSessionWorld()
  const amsterdam = world.aloneIsolate('AMS')
  const singapore = world.aloneIsolate('SIN')
  const token = await amsterdam.create('user-1')
  await world.settle()
  await world.clock.advance(120_000)
  await singapore.validate(token)

  await amsterdam.destroy(token)

  // Another location still has its copy, and nobody can say for how long.
  expect(await singapore.validate(token)).toMatchObject({ ok: true, source: 'kv', boundMs: null })
})

test('the guide has these examples and no others', () => {
  const fences = [...readSessionsGuide().matchAll(/^```ts\n(test.*?)^```$/gms)].map(
    ([, code = '']) => code.trim(),
  )
  expect(fences.length).toBeGreaterThan(10)
  for (const code of fences) expect(ownSource).toContain(code)
})
