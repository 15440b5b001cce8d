import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { createEdgeSimulator } from '../../testing.ts'
import { keys } from '../kv/keys.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import type { FlagChangeRequest } from './flag-authority-calls.ts'
import type { FlagDefinition } from './flag-definition.ts'
import type { FlagRuleset } from './flag-ruleset.ts'
import { memoryFlagAuthority } from './memory-flag-authority.ts'

let ids = 0

function toRequest(name: string, next: FlagDefinition | null): FlagChangeRequest {
  return { changeId: `change-${++ids}`, target: { kind: 'flag', name }, next, author: 'ada' }
}

test('publishes what it decides to KV, for each name apart', async () => {
  const authority = memoryFlagAuthority({ kv: env.FLAGS_KV })
  await authority.getByName('one').change(toRequest('a', { enabled: true }))
  await authority.getByName('two').change(toRequest('b', { enabled: true }))
  await authority.whenPublished()
  for (const name of ['one', 'two']) {
    const { ruleset } = await authority.getByName(name).getRuleset()
    expect(await env.FLAGS_KV.get(keys.flags(name), 'json')).toEqual(ruleset)
  }
})

test('goes on from what KV holds', async () => {
  const first = memoryFlagAuthority({ kv: env.FLAGS_KV })
  await first.getByName('again').change(toRequest('a', { enabled: true }))
  await first.whenPublished()
  const second = memoryFlagAuthority({ kv: env.FLAGS_KV }).getByName('again')
  expect((await second.getRuleset()).ruleset?.flags).toHaveProperty('a')
  expect(await second.change(toRequest('b', { enabled: true }))).toEqual({ ok: true, version: 2 })
  expect(await second.getHistory({})).toMatchObject([{ version: 2 }])
})

test('asks again where KV could not say what it holds', async () => {
  const simulator = createEdgeSimulator()
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const authority = memoryFlagAuthority({ kv, now: clock.now, timers: clock }).getByName('a')
  const end = simulator.injectFault({ type: 'error' })
  await expect(clock.run(async () => authority.getRuleset())).rejects.toMatchObject({
    code: 'unavailable',
  })
  end()
  expect(await clock.run(async () => authority.getRuleset())).toMatchObject({ version: 0 })
})

test('shares no object with its caller, as over RPC', async () => {
  const authority = memoryFlagAuthority({ kv: env.FLAGS_KV }).getByName('copies')
  const allow = ['ada']
  const changing = authority.change(toRequest('a', { enabled: true, allow }))
  allow.push('added later')
  await changing
  const { ruleset } = await authority.getRuleset()
  expect(ruleset?.flags.a?.allow).toEqual(['ada'])
  ;(ruleset?.flags.a?.allow as string[]).push('added to the reply')
  expect((await authority.getRuleset()).ruleset?.flags.a?.allow).toEqual(['ada'])
})

test('puts at most once a second, and ends up with the newest through an outage', async () => {
  const simulator = createEdgeSimulator()
  const { clock } = simulator
  const events: ClientEvent[] = []
  const waiting: Promise<unknown>[] = []
  const authority = memoryFlagAuthority({
    kv: simulator.location('AMS').kv('FLAGS_KV'),
    now: clock.now,
    random: () => 0,
    timers: clock,
    waitUntil: (work) => waiting.push(work),
    onEvent: (event) => events.push(event),
  })
  const change = async (enabled: boolean) =>
    authority.getByName('live').change(toRequest('a', { enabled }))
  const versionInKV = (): number | undefined => {
    const text = simulator.store('FLAGS_KV').get(keys.flags('live'))?.text
    return text === undefined ? undefined : (JSON.parse(text) as FlagRuleset).version
  }
  for (let step = 0; step < 10; step++) {
    await change(step % 2 === 0)
    await clock.advance(150)
  }
  await clock.advance(1100)
  expect(versionInKV()).toBe(10)
  expect(simulator.operations.write).toBe(3)
  const end = simulator.injectFault({ type: 'error', operations: ['write'] })
  await change(true)
  await clock.advance(20_000)
  expect(events.length).toBeGreaterThan(3)
  end()
  // Not only when the next try is due.
  await change(false)
  await clock.advance(2000)
  expect(versionInKV()).toBe(12)
  await clock.run(async () => {
    await Promise.all([authority.whenPublished(), ...waiting])
  })
  expect(events.every(({ type }) => type === 'store_error')).toBe(true)
})

test('says at once that its binding is missing', () => {
  expect(() => memoryFlagAuthority({ kv: undefined as unknown as KVNamespace })).toThrow(
    'Cannot create flag authority: kv must be a KVNamespace, received undefined',
  )
})
