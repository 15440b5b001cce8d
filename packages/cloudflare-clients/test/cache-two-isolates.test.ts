import { expect, test } from 'vitest'
import type { CacheDefinition } from '../src/cache.ts'
import { createSimulatedClient, createSimulator } from './support/simulated-client.ts'

test('what was loaded between two deletes of another isolate does not come back after them', async () => {
  const simulator = createSimulator()
  const { clock } = simulator
  let origin = 0
  const [web, webhook] = [1, 2].map(() =>
    createSimulatedClient({ simulator }).cache.define('value', {
      fresh: '5m',
      memory: false,
      load: (_id: string) => Promise.resolve(origin),
    }),
  ) as [CacheDefinition<string, number>, CacheDefinition<string, number>]
  await clock.run(async () => {
    await web.get('a')
    await clock.sleep(200)
    origin = 1
    await webhook.delete('a')
    await clock.sleep(100)
    expect(await web.get('a')).toBe(1)
    await clock.sleep(100)
    origin = 2
    await webhook.delete('a')
    await clock.sleep(5000)
    expect(await web.get('a')).toBe(2)
  })
})

test('a delete by its key alone detaches the load of a definition', async () => {
  const { cache, clock } = createSimulatedClient()
  const older = Promise.withResolvers<string>()
  let loads = 0
  const values = cache.define('value', {
    fresh: '5m',
    load: (_id: string) => (++loads === 1 ? older.promise : Promise.resolve('new')),
  })
  await clock.run(async () => {
    const before = values.get('a')
    await clock.sleep(10)
    await cache.delete('cache:value:a')
    expect(await values.get('a')).toBe('new')
    older.resolve('old')
    expect(await before).toBe('old')
    expect(await values.get('a')).toBe('new')
    await cache.set('cache:value:a', 'other', 60)
    expect(await values.get('a')).toBe('new')
    expect(loads).toBe(3)
  })
})
