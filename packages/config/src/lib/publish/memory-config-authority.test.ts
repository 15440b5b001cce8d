import { type ConsistencyOptions, createEdgeSimulator } from '@codex/cloudflare-clients/testing'
import { expect, test } from 'vitest'
import type { ConfigDocument } from '../config-document.ts'
import { digestBody, toBodyKey } from '../read-config-document.ts'
import type { ConfigPublishEvent } from './config-publish-event.ts'
import { ConfigPublisher } from './config-publisher.ts'
import { memoryConfigAuthority } from './memory-config-authority.ts'

const json = { syntax: 'json' } as const
const large = `{"text":"${'x'.repeat(70_000)}"}`

function open(consistency: ConsistencyOptions = {}) {
  const simulator = createEdgeSimulator({ seed: 7, consistency })
  const { clock } = simulator
  const events: ConfigPublishEvent[] = []
  const authority = memoryConfigAuthority({
    kv: simulator.location('AMS').kv('CONFIG_KV'),
    now: clock.now,
    random: () => 0,
    timers: clock,
    onEvent: (event) => events.push(event),
  })
  const publisher = new ConfigPublisher({ authority, name: 'live', author: 'ada' })
  const versionInKV = (): number | undefined => {
    const text = simulator.store('CONFIG_KV').get('live')?.text
    return text === undefined ? undefined : (JSON.parse(text) as ConfigDocument).version
  }
  return { simulator, clock, authority, publisher, events, versionInKV }
}

test('100 publishers of one list at once lose no version', async () => {
  const { publisher, clock, versionInKV } = open()
  await publisher.publish('{"who":[]}', json)
  let conflicts = 0
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      for (;;) {
        const { version, document } = await publisher.current()
        const { who } = JSON.parse(document?.stable.body ?? '') as { who: number[] }
        const body = JSON.stringify({ who: [...who, index] })
        try {
          await publisher.publish(body, { ...json, ifVersion: version })
          return
        } catch (error) {
          expect(error).toMatchObject({ code: 'conflict' })
          conflicts++
        }
      }
    }),
  )
  const { version, document } = await publisher.current()
  const { who } = JSON.parse(document?.stable.body ?? '') as { who: number[] }
  const lost = 100 - new Set(who).size
  console.info(`100 publishers of one list: ${lost} lost, ${conflicts} conflicts`)
  expect([lost, who.length, version]).toEqual([0, 100, 101])
  expect(conflicts).toBeGreaterThan(100)
  await clock.advance(5000)
  expect(versionInKV()).toBe(101)
})

test('puts at most once a second, and ends up with the newest through an outage', async () => {
  const { simulator, clock, publisher, events, versionInKV } = open()
  for (let step = 0; step < 10; step++) {
    await publisher.publish(`{"a":${step}}`, json)
    await clock.advance(150)
  }
  await clock.advance(1100)
  expect(versionInKV()).toBe(10)
  expect(simulator.operations.write).toBe(3)
  const end = simulator.injectFault({ type: 'error', operations: ['write'] })
  await publisher.publish('{"a":11}', json)
  await clock.advance(20_000)
  expect(events.length).toBeGreaterThan(3)
  expect(events.every(({ type }) => type === 'publish_failed')).toBe(true)
  end()
  // Not only when the next try is due.
  await publisher.publish('{"a":12}', json)
  await clock.advance(2000)
  expect(versionInKV()).toBe(12)
})

test('where its own location lags behind, the document waits until the body is read back', async () => {
  const { simulator, clock, publisher } = open({ readYourWrites: 0, propagation: 20_000 })
  const { sha256 } = await digestBody(large)
  // Somebody in the location asked for it before, and the miss is remembered.
  expect(await simulator.location('AMS').kv('CONFIG_KV').get(toBodyKey(sha256))).toBeNull()
  await publisher.publish(large, json)
  const store = simulator.store('CONFIG_KV')
  let bodyAtMs: number | undefined
  let documentAtMs: number | undefined
  for (let second = 0; second < 600; second++) {
    await clock.advance(1000)
    bodyAtMs ??= store.get(toBodyKey(sha256))?.writtenAtMs
    documentAtMs ??= store.get('live')?.writtenAtMs
  }
  expect(bodyAtMs).toBeDefined()
  expect(documentAtMs).toBeGreaterThan((bodyAtMs ?? Infinity) + 19_999)
  expect(store.get('live')?.text).not.toContain('xxx')
})

test('goes on from what KV holds, and asks again where KV could not say what that is', async () => {
  const { simulator, clock, publisher } = open()
  await publisher.publish('{"a":1}', json)
  await clock.advance(60_000)
  const authority = memoryConfigAuthority({
    kv: simulator.location('SIN').kv('CONFIG_KV'),
    now: clock.now,
    timers: clock,
  })
  const second = new ConfigPublisher({ authority, name: 'live', author: 'bob' })
  const end = simulator.injectFault({ type: 'error', operations: ['read'] })
  await expect(second.current()).rejects.toMatchObject({ code: 'unavailable' })
  end()
  expect(await second.publish('{"a":2}', json)).toEqual({ version: 2 })
  expect(await second.history()).toMatchObject([{ author: 'bob' }, { author: 'ada' }])
})

test('tells readers of each version that KV took', async () => {
  const simulator = createEdgeSimulator()
  const { clock } = simulator
  const notices: unknown[] = []
  const authority = memoryConfigAuthority({
    kv: simulator.location('AMS').kv('CONFIG_KV'),
    notices: { send: (notice) => Promise.resolve(void notices.push(notice)) as never },
    now: clock.now,
    timers: clock,
  })
  const publisher = new ConfigPublisher({ authority, name: 'live', author: 'ada' })
  await publisher.publish('{"a":1}', json)
  await clock.advance(2000)
  await publisher.startRollout('{"a":2}', { ...json, percentage: 1 })
  await clock.advance(2000)
  expect(notices).toEqual([
    { codexConfig: 1, name: 'live', version: 1 },
    { codexConfig: 1, name: 'live', version: 2 },
  ])
})

test('shares no object with its caller, as over RPC', async () => {
  const { publisher } = open()
  await publisher.publish('{"a":1}', json)
  const { document } = await publisher.current()
  Object.assign(document?.stable ?? {}, { body: 'changed' })
  expect((await publisher.current()).document?.stable.body).toBe('{"a":1}')
})
