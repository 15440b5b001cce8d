import { describe, expect, it } from 'vitest'
import { otherFlagSystems, ourFlagSystems } from './all-flag-systems.ts'
import { throwSwitch } from './kill-switch.ts'
import { createOneKeyPerFlag } from './systems/one-key-per-flag.ts'

const adverse = { condition: 'adverse', trial: 1, locations: 8 } as const

describe('a kill switch', () => {
  it.each([
    [ourFlagSystems.strict5, 5],
    [ourFlagSystems.strict60, 60],
  ])('is seen within the bound of a strict flag', async (system, boundSeconds) => {
    const { lagsSeconds, wentBack } = await throwSwitch(system, adverse)
    expect(lagsSeconds).toHaveLength(8)
    expect(Math.max(...lagsSeconds)).toBeLessThanOrEqual(boundSeconds)
    expect(Math.max(...lagsSeconds)).toBeGreaterThan(0)
    expect(wentBack).toBe(0)
  })

  it('takes as long as KV elsewhere, and no isolate of ours goes back', async () => {
    const edge = await throwSwitch(ourFlagSystems.edge, adverse)
    expect(edge.wentBack).toBe(0)
    expect(Math.max(...edge.lagsSeconds)).toBeGreaterThan(5)
    const plain = await throwSwitch(createOneKeyPerFlag(), adverse)
    expect(Math.max(...plain.lagsSeconds)).toBeGreaterThan(60)
    expect(plain.wentBack).toBeGreaterThan(0)
  })

  it('takes the same time in a second run, for those too that wait with timers of their own', async () => {
    const few = { condition: 'typical', trial: 2, locations: 3 } as const
    for (const system of otherFlagSystems) {
      const first = await throwSwitch(system, few)
      expect([system.id, await throwSwitch(system, few)]).toEqual([system.id, first])
    }
  })
})
