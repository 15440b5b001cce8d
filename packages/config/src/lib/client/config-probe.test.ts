import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { expect, test } from 'vitest'
import { createManualLoader, toLoaded } from '../../../test/support/config-loads.ts'
import { createConfigProbe } from './config-probe.ts'
import { createConfigRefresher } from './config-refresher.ts'

function createWorld(options?: { readonly maxAgeSeconds: number }) {
  const clock = createVirtualClock()
  const loader = createManualLoader<string>()
  const client = createConfigRefresher(
    { uris: [], load: loader.load },
    {
      refresh: 'background',
      now: clock.now,
      timers: clock,
      random: () => 0,
      onEvent: () => undefined,
    },
  )
  return { clock, loader, client, probe: createConfigProbe(client, { ...options, now: clock.now }) }
}

test('is live from the start, and ready once something was loaded', async () => {
  const { clock, loader, client, probe } = createWorld()
  expect([probe.isLive(), probe.isReady()]).toEqual([true, false])
  const failing = client.ready()
  failing.catch(() => undefined)
  loader.loads[0]?.reject(new Error('down'))
  await clock.advance(0)
  expect([probe.isLive(), probe.isReady()]).toEqual([true, false])
  await clock.advance(1000)
  loader.loads[1]?.resolve(toLoaded('a'))
  await clock.advance(0)
  expect([probe.isLive(), probe.isReady()]).toEqual([true, true])
})

test('stays live and ready while loads fail, for hours', async () => {
  const { clock, loader, client, probe } = createWorld()
  const ready = client.ready()
  loader.loads[0]?.resolve(toLoaded('a'))
  await ready
  for (let hour = 0; hour < 3; hour++) {
    await clock.advance(3_600_000)
    loader.loads.at(-1)?.reject(new Error('down'))
  }
  expect([probe.isLive(), probe.isReady()]).toEqual([true, true])
  client.close()
  expect(probe.isLive()).toBe(false)
})

test('is not ready when the newest good load is older than maxAgeSeconds', async () => {
  const { clock, loader, client, probe } = createWorld({ maxAgeSeconds: 300 })
  const ready = client.ready()
  loader.loads[0]?.resolve(toLoaded('a'))
  await ready
  await clock.advance(300_000)
  expect(probe.isReady()).toBe(true)
  await clock.advance(1)
  expect([probe.isLive(), probe.isReady()]).toEqual([true, false])
  expect(() => createConfigProbe(client, { maxAgeSeconds: 0 })).toThrow(
    'Cannot create config probe: maxAgeSeconds must be at least 1, received 0',
  )
})
