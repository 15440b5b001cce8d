import { expect, test } from 'vitest'
import ownSource from './edge-simulator-guide.test.ts?raw'
import { readEdgeSimulatorGuide } from './support/provided.ts'

// The examples of docs/edge-simulator.md, each as it stands there.

import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'

test('a profile is fresh everywhere after a save', async () => {
  const simulator = createEdgeSimulator({ seed: 1, locations: ['AMS', 'SIN'] })
  const amsterdam = simulator.location('AMS').kv('PROFILES')
  const singapore = simulator.location('SIN').kv('PROFILES')

  simulator.store('PROFILES').seed('user:1', 'Ada')
  expect(await singapore.get('user:1')).toBe('Ada') // somebody looks at the profile in Singapore
  await amsterdam.put('user:1', 'Ada Lovelace') // its owner changes it in Amsterdam

  expect(await singapore.get('user:1')).toBe('Ada') // local KV says 'Ada Lovelace'
  await simulator.clock.advance(30_000)
  expect(await singapore.get('user:1')).toBe('Ada') // it is still there half a minute later
  await simulator.clock.advance(270_000)
  expect(await singapore.get('user:1')).toBe('Ada Lovelace')
})

/** Adds one to a number in KV: right on a laptop. */
async function countVisit(kv: KVNamespace): Promise<void> {
  const visits = Number((await kv.get('visits')) ?? 0)
  await kv.put('visits', String(visits + 1))
}

test('a counter loses visits', async () => {
  const simulator = createEdgeSimulator({ seed: 1, locations: ['AMS', 'SIN', 'IAD'] })
  let refused = 0
  for (let visit = 0; visit < 30; visit++) {
    for (const location of simulator.locations) {
      await countVisit(location.kv('STATS')).catch(() => refused++)
      await simulator.clock.advance(1000) // never two writes within a second
    }
  }
  expect(refused).toBe(0)
  const counted = Number(simulator.store('STATS').get('visits')?.text)
  expect(counted).toBeLessThan(60) // of 90
})

test('a page is served through an outage', async () => {
  const simulator = createEdgeSimulator({ locations: ['AMS'] })
  const kv = simulator.location('AMS').kv('PAGES')
  simulator.store('PAGES').seed('/', 'home')
  await kv.get('/', { cacheTtl: 3600 })

  const endOutage = simulator.injectFault({ type: 'central_down' })
  await simulator.clock.advance(600_000)
  expect(await kv.get('/', { cacheTtl: 3600 })).toBe('home') // the location has it
  await expect(kv.get('/about')).rejects.toThrow('KV GET failed: 503 Service Unavailable')
  endOutage()
})

test('a request has its answer within a second', async () => {
  const simulator = createEdgeSimulator({ locations: ['AMS'], latency: 'typical' })
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('PAGES')
  const elapsedMs = await clock.run(async () => {
    const startMs = clock.now()
    await Promise.all(['/', '/about', '/news'].map((path) => kv.get(path)))
    return clock.now() - startMs
  })
  expect(elapsedMs).toBeLessThan(1000)
  expect(simulator.operations.read).toBe(3)
})

test('the guide has these examples and no others', () => {
  const fences = [...readEdgeSimulatorGuide().matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code = '']) => code.trim(),
  )
  expect(fences.length).toBeGreaterThan(3)
  for (const code of fences) expect(ownSource).toContain(code)
})
