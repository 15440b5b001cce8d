import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { expect, test } from 'vitest'
import { toLoaded } from '../../../test/support/config-loads.ts'
import type { ConfigEvent } from './config-event.ts'
import { createConfigRefresher } from './config-refresher.ts'

const uri = 'kv://main/production/web'

/** A client that has loaded version 1. Every load gives the version that `kv` has then, or fails. */
async function createWorld() {
  const clock = createVirtualClock()
  const kv = { version: 1, isDown: false }
  const events: ConfigEvent[] = []
  const loadedAtMs: number[] = []
  const refresher = createConfigRefresher(
    {
      uris: [uri],
      load: () => {
        loadedAtMs.push(clock.now())
        if (kv.isDown) return Promise.reject(new Error('down'))
        return Promise.resolve(toLoaded(`v${kv.version}`, { [uri]: kv.version }))
      },
    },
    {
      refresh: 'on-read',
      now: clock.now,
      timers: clock,
      random: () => 0,
      onEvent: (event) => events.push(event),
    },
  )
  await refresher.ready()
  const startMs = clock.now()
  loadedAtMs.length = 0
  return {
    clock,
    kv,
    refresher,
    events,
    accept: (version: number, name = 'production/web') =>
      refresher.accept({ codexConfig: 1, name, version }),
    /** Seconds from the start at which it was asked. */
    asked: () => loadedAtMs.map((atMs) => (atMs - startMs) / 1000),
    drops: () => events.filter(({ type }) => type === 'notice_dropped'),
  }
}

test('takes up a version at once when KV has it', async () => {
  const { kv, refresher, accept, asked, drops } = await createWorld()
  kv.version = 2
  expect(await accept(2)).toBe(true)
  expect(await refresher.ready()).toBe('v2')
  expect(asked()).toEqual([0])
  expect(drops()).toEqual([])
})

test('asks again, ever less often, until KV has the version or a newer one', async () => {
  const { clock, kv, accept, asked } = await createWorld()
  const accepting = accept(2)
  await clock.advance(50_000)
  kv.version = 3
  await clock.advance(60_000)
  expect(await accepting).toBe(true)
  expect(asked()).toEqual([0, 1, 3, 7, 15, 31, 61])
})

test('goes on asking through failures', async () => {
  const { clock, kv, accept, asked } = await createWorld()
  kv.isDown = true
  kv.version = 2
  const accepting = accept(2)
  await clock.advance(6000)
  kv.isDown = false
  await clock.advance(1000)
  expect(await accepting).toBe(true)
  expect(asked()).toEqual([0, 1, 3, 7])
})

test('gives up after noticeSeconds', async () => {
  const { clock, accept, asked, drops } = await createWorld()
  const accepting = accept(2)
  await clock.advance(180_000)
  expect(await accepting).toBe(false)
  expect(asked()).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121, 151])
  const name = 'production/web'
  expect(drops()).toEqual([{ type: 'notice_dropped', reason: 'not_seen', name, version: 2 }])
})

test('drops what is not newer, of another configuration or no notice, without asking', async () => {
  const { refresher, accept, asked, drops } = await createWorld()
  expect(await accept(1)).toBe(false)
  expect(await accept(9, 'production/api')).toBe(false)
  expect(await refresher.accept('production/web')).toBe(false)
  expect(asked()).toEqual([])
  expect(drops()).toMatchObject([
    { reason: 'not_newer', version: 1 },
    { reason: 'unknown_name', name: 'production/api' },
    { reason: 'malformed' },
  ])
})

test('takes notices twice and out of order', async () => {
  const { clock, kv, accept, asked } = await createWorld()
  kv.version = 3
  expect(await Promise.all([accept(3), accept(2), accept(3)])).toEqual([true, true, true])
  expect(asked()).toEqual([0])
  expect(await Promise.all([accept(2), accept(3)])).toEqual([false, false])
  await clock.advance(1_000_000)
  expect(asked()).toEqual([0])
})

test('asks hardly more often for many notices than for one', async () => {
  const { clock, kv, accept, asked } = await createWorld()
  const accepting = [accept(2)]
  for (let i = 0; i < 50; i++) {
    await clock.advance(37)
    accepting.push(accept(2), accept(3))
  }
  const afterBurst = asked().length
  await clock.advance(60_000)
  kv.version = 3
  await clock.advance(60_000)
  expect(await Promise.all(accepting)).toEqual(accepting.map(() => true))
  expect(asked().length - afterBurst).toBeLessThan(25)
})

test('is a first load where there was none', async () => {
  const clock = createVirtualClock()
  const refresher = createConfigRefresher(
    { uris: [uri], load: () => Promise.resolve(toLoaded('v2', { [uri]: 2 })) },
    { refresh: 'on-read', now: clock.now, timers: clock, onEvent: () => undefined },
  )
  expect(await refresher.accept({ codexConfig: 1, name: 'production/web', version: 2 })).toBe(true)
  expect(await refresher.ready()).toBe('v2')
})
