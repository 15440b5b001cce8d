import { expect, test } from 'vitest'
import { runBadPublishDrill } from './bad-publish-drill.ts'

test.for(['typical', 'adverse'] as const)(
  'with %s propagation to 30 locations, bad publications reach no request',
  async (consistency) => {
    const report = await runBadPublishDrill({ seed: 7, consistency, locations: 30, rounds: 200 })
    console.info(`Bad publications, ${consistency} propagation: ${JSON.stringify(report, null, 1)}`)
    expect(report).toMatchObject({ servedBad: 0, wentBack: 0, upToDate: report.readers })
    expect(report.served + report.notStarted).toBe(report.requests)
    expect(report.served / report.requests).toBeGreaterThan(0.85)
    // Or there was nothing to withstand.
    expect(Object.keys(report.sabotage)).toHaveLength(12)
    for (const code of ['corrupt', 'invalid', 'outdated', 'unavailable', 'not_found']) {
      expect(report.refused[code], code).toBeGreaterThan(0)
    }
  },
)
