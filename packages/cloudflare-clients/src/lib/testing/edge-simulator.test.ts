import { describe, expect, test } from 'vitest'
import { createEdgeSimulator } from './edge-simulator.ts'

describe('locations', () => {
  test('share the store of a namespace and not those of others', async () => {
    const simulator = createEdgeSimulator({ consistency: 'strong', locations: ['AMS', 'SIN'] })
    await simulator.location('AMS').kv('A').put('k', 'v')
    expect(await simulator.location('SIN').kv('A').get('k')).toBe('v')
    expect(await simulator.location('SIN').kv('B').get('k')).toBeNull()
  })

  test('serve a miss they have cached until it is 60 seconds old', async () => {
    const simulator = createEdgeSimulator({
      locations: ['AMS', 'SIN'],
      consistency: { propagation: 0 },
    })
    const singapore = simulator.location('SIN').kv('CACHE_KV')
    expect(await singapore.get('k')).toBeNull()
    await simulator.location('AMS').kv('CACHE_KV').put('k', 'v')
    await simulator.clock.advance(59_999)
    expect(await singapore.get('k')).toBeNull()
    await simulator.clock.advance(1)
    expect(await singapore.get('k')).toBe('v')
  })
})
