import { describe, expect, it } from 'vitest'
import { codex } from '../libraries/codex.ts'
import { plainKv } from '../libraries/plain-kv.ts'
import { notSupported } from '../result.ts'
import { cellOf } from '../scenario.ts'
import { hourWorkload } from './hour-workload.ts'
import { simulatedHour } from './simulated-hour.ts'

/** Hot keys, and enough writes that isolates meet them. */
const workload = { ...hourWorkload, durationSeconds: 300, writesPerSecond: 1, keys: 100 }

describe('five minutes of the simulated hour', () => {
  it('show no failure of ours', async () => {
    const scenario = simulatedHour({ name: 'hour-with-tags', tagged: true, workload })
    const results = await scenario.run([codex])
    expect(scenario.failures(results)).toEqual([])
    const asked = cellOf(results, {
      library: 'codex',
      scenario: 'hour-with-tags',
      metric: 'reads asked for',
    })
    expect(asked).toBeGreaterThan(5000)
  })

  it('show what plain KV does wrong', async () => {
    const scenario = simulatedHour({ name: 'hour', tagged: false, workload })
    const results = await scenario.run([plainKv])
    const of = (metric: string): unknown =>
      cellOf(results, { library: 'plain-kv', scenario: 'hour', metric })
    expect(of('reads that went back')).toBeGreaterThan(0)
    expect(of('429s to a caller')).toBeGreaterThan(0)
    expect(of('values older than the bound')).toBe(0)
  })

  it('leave out a library without tags where tags expire', async () => {
    const scenario = simulatedHour({ name: 'hour-with-tags', tagged: true, workload })
    const results = await scenario.run([plainKv])
    expect(results.map(({ value }) => value)).toEqual([notSupported])
  })
})
