import { describe, expect, test } from 'vitest'
import {
  type ConfigSimulationOptions,
  maxGapMs,
  maxNoticeDelayMs,
  runConfigSimulation,
} from './support/config-simulation.ts'

/** Of the simulator's KV, the last of its writes; and what a source of KV lets a location keep. */
const propagationMs = { typical: 180_000, adverse: 300_000 }
const cacheTtlMs = 30_000
/** Two requests, one that renews and one that sees it, and what reads and puts take. */
const slackMs = 2 * maxGapMs + 10_000
/** Between two questions for a version that was noticed. */
const maxNoticePauseMs = 30_000

const plain: Omit<ConfigSimulationOptions, 'seed'> = {
  minutes: 12,
  consistency: 'adverse',
  ttlSeconds: 30,
  hasNotices: false,
  hasFaults: false,
}

describe('12 locations of KV, while versions are published', () => {
  test('see each within ttlSeconds of what KV takes, and go back none', async () => {
    const { violations, requests, published, lagsMs } = await runConfigSimulation({
      ...plain,
      seed: 1,
      boundMs: propagationMs.adverse + cacheTtlMs + plain.ttlSeconds * 1000 + slackMs,
    })
    expect(violations).toEqual([])
    expect(requests).toBeGreaterThan(2000)
    expect(published).toBeGreaterThan(4)
    expect(lagsMs.length).toBeGreaterThan(40)
  })

  test('pass over what KV answers from before', async () => {
    const { violations, refused } = await runConfigSimulation({
      ...plain,
      seed: 2,
      minutes: 6,
      ttlSeconds: 2,
    })
    expect(violations).toEqual([])
    expect(refused.outdated).toBeGreaterThan(20)
  })

  test('answer from good versions alone while KV fails and bad ones are published', async () => {
    const { violations, refused } = await runConfigSimulation({
      ...plain,
      seed: 3,
      hasFaults: true,
      hasNotices: true,
    })
    expect(violations).toEqual([])
    for (const code of ['unavailable', 'timed_out', 'corrupt', 'invalid']) {
      expect(refused[code]).toBeGreaterThan(20)
    }
  })

  test('see a version that was noticed as soon as KV has it, whatever ttlSeconds says', async () => {
    const typical = { ...plain, consistency: 'typical', ttlSeconds: 3600 } as const
    const { violations, lagsMs } = await runConfigSimulation({
      ...typical,
      seed: 4,
      hasNotices: true,
      boundMs: propagationMs.typical + cacheTtlMs + maxNoticeDelayMs + maxNoticePauseMs + slackMs,
    })
    expect(violations).toEqual([])
    expect(lagsMs.length).toBeGreaterThan(40)
    const sorted = [...lagsMs].sort((one, other) => one - other)
    // Most of it is the notice's own delay, 10 s on average, and the next request.
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(20_000)
    // Without notices each isolate is at the first version it saw.
    const without = await runConfigSimulation({ ...typical, seed: 4 })
    expect(without.lagsMs).toHaveLength(12)
  })
})
