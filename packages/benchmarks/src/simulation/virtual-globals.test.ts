import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { describe, expect, it } from 'vitest'
import { runOnVirtualTime } from './virtual-globals.ts'

describe('runOnVirtualTime', () => {
  it('lets an hour of the globals pass at once and puts them back', async () => {
    const before = { now: Date.now, setTimeout: globalThis.setTimeout }
    const clock = createVirtualClock({ startMs: 1_000_000 })
    const { result } = await runOnVirtualTime(clock, async () => {
      const startedMs = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 3_600_000))
      return Date.now() - startedMs
    })
    expect(result).toBe(3_600_000)
    expect(Date.now).toBe(before.now)
    expect(globalThis.setTimeout).toBe(before.setTimeout)
  })

  it('puts them back when the work fails', async () => {
    const { now } = Date
    const work = (): Promise<never> => Promise.reject(new Error('broken'))
    await expect(runOnVirtualTime(createVirtualClock(), work)).rejects.toThrow('broken')
    expect(Date.now).toBe(now)
  })
})
