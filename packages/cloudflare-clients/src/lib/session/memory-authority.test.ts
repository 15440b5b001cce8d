import { expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { createSessionRecord } from '../../../test/support/session-record.ts'
import { createMemorySessionAuthority } from './memory-authority.ts'

const startMs = Date.UTC(2026, 0, 1)

const check = { touch: true, renewalFraction: 0.1 }

test('keeps sessions by name, and between calls', async () => {
  const authorities = createMemorySessionAuthority({ now: () => startMs })
  const created = authorities
    .getByName('user:1')
    .create({ tokenHash: 'a', record: createSessionRecord(startMs) })
  expect(await created).toEqual({ ok: true, replaced: [] })
  const same = await authorities.getByName('user:1').check({ tokenHash: 'a', ...check })
  expect(same).toEqual({ ok: true, version: 1, record: createSessionRecord(startMs) })
  const other = await authorities.getByName('user:2').check({ tokenHash: 'a', ...check })
  expect(other).toEqual({ ok: false, reason: 'unknown' })
})

test('shares no object with its caller, as over RPC', async () => {
  const authority = createMemorySessionAuthority({ now: () => startMs }).getByName('user:1')
  const data = { cart: ['book'] }
  await authority.create({ tokenHash: 'a', record: createSessionRecord(startMs, { data }) })
  data.cart.push('added later')
  const first = await authority.check({ tokenHash: 'a', ...check })
  const record = first.ok ? first.record : undefined
  expect(record?.data).toEqual({ cart: ['book'] })
  ;(record?.data as typeof data).cart.push('added to the reply')
  const second = await authority.check({ tokenHash: 'a', ...check })
  expect(second).toMatchObject({ record: { data: { cart: ['book'] } } })
})

test('forgets what has ended long ago, by the clock it is given', async () => {
  const clock = new ManualClock(startMs)
  const authority = createMemorySessionAuthority({ now: clock.now }).getByName('user:1')
  await authority.create({ tokenHash: 'a', record: createSessionRecord(startMs) })
  clock.advance(600)
  expect(await authority.check({ tokenHash: 'a', ...check })).toEqual({ ok: false, reason: 'idle' })
  clock.advance(86_400)
  expect(await authority.check({ tokenHash: 'a', ...check })).toEqual({
    ok: false,
    reason: 'unknown',
  })
})

test('answers everything an authority is asked, and rejects what it cannot decide', async () => {
  const authority = createMemorySessionAuthority({ now: () => startMs }).getByName('everyone:0')
  await authority.create({ tokenHash: 'a', record: createSessionRecord(startMs) })
  expect(await authority.getEpoch()).toBe(startMs)
  expect(await authority.update({ tokenHash: 'a' }, { data: 1 })).toMatchObject({ version: 2 })
  const rotation = { tokenHash: 'a', newTokenHash: 'b', graceMs: 1000 }
  expect(await authority.rotate(rotation)).toMatchObject({ version: 3 })
  expect(await authority.list('b')).toMatchObject([{ id: 'session-1', current: true }])
  expect(await authority.revoke({ tokenHash: 'b' })).toEqual({ count: 1, tokenHashes: ['a', 'b'] })
  expect(await authority.setBan(true)).toEqual({ count: 0, tokenHashes: [] })
  expect(await authority.raiseEveryoneEpoch(7)).toBe(7)
  expect(await authority.getEveryoneEpoch()).toBe(7)
  await expect(authority.rotate({ ...rotation, graceMs: -1 })).rejects.toThrow(
    'Cannot rotate session: graceMs must be at least 0, received -1',
  )
})
