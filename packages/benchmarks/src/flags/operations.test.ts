import { describe, expect, it } from 'vitest'
import { otherFlagSystems, ourFlagSystems } from './all-flag-systems.ts'
import type { FlagSystem } from './flag-system.ts'
import { measureOperations } from './operations.ts'

const requests = 90

async function count(system: FlagSystem): Promise<readonly number[]> {
  const { cold, warm, hour } = await measureOperations(system, requests)
  return [cold.kvReads, cold.authorityCalls, warm.kvReads, warm.authorityCalls, hour.kvReads]
}

describe('operations of flags', () => {
  it('reads KV once for twenty flags, and not again in a warm isolate', async () => {
    const { edge, strict5, strict60 } = ourFlagSystems
    expect(await count(edge)).toEqual([1, 0, 0, 0, 3])
    expect((await count(strict5)).slice(0, 4)).toEqual([1, 1, 0, 0])
    expect((await count(strict60)).slice(0, 4)).toEqual([1, 1, 0, 0])
  })

  it('confirms a strict flag once in its bound', async () => {
    const { hour } = await measureOperations(ourFlagSystems.strict5, requests)
    expect(hour.authorityCalls).toBe(requests / 5)
  })

  it('finds what the others read, whose answers are the same', async () => {
    const counts: Record<string, readonly number[]> = {}
    for (const system of otherFlagSystems) counts[system.id] = await count(system)
    expect(counts).toEqual({
      'a key per flag': [20, 0, 20, 0, 20 * requests],
      'a key per flag, 60 s in memory': [20, 0, 0, 0, 20],
      LaunchDarkly: [20, 0, 20, 0, 20 * requests],
      'LaunchDarkly, all flags at once': [1, 0, 1, 0, requests],
      'LaunchDarkly, 60 s in memory': [1, 0, 0, 0, 1],
      'GrowthBook, payload in KV': [1, 0, 1, 0, requests],
      'GrowthBook, KV as its cache': [1, 0, 0, 0, 0],
    })
  })
})
