import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { describe, expect, test } from 'vitest'
import { runConcurrentLoads } from './concurrent-loads.ts'

const namespaces = 'GET /namespaces'
const value = 'GET /namespaces/{id}/values/production%2Fweb'

describe('100 loads at once of a file, a server and KV over HTTP', () => {
  test('are one request each in one program, and one to find the namespace', async () => {
    const report = await runConcurrentLoads({ loads: 100, isShared: true })
    expect(report).toMatchObject({ succeeded: 100, failed: 0, serverRequests: 1 })
    expect(report.apiRequests).toEqual({ [namespaces]: 1, [value]: 1 })
  })

  test('are one more each when they load again, as nothing is kept', async () => {
    const report = await runConcurrentLoads({ loads: 100, isShared: true, rounds: 3 })
    expect(report).toMatchObject({ succeeded: 300, failed: 0, serverRequests: 3 })
    expect(report.apiRequests).toEqual({ [namespaces]: 1, [value]: 3 })
  })

  test('succeed all where the first answers fail, with a request more for each', async () => {
    const clock = createVirtualClock({ turnsPerStep: 60 })
    const report = await clock.run(() =>
      runConcurrentLoads({ loads: 100, isShared: true, failures: 1, clock }),
    )
    expect(report).toMatchObject({ succeeded: 100, failed: 0, serverRequests: 2 })
    expect(report.apiRequests).toEqual({ [namespaces]: 2, [value]: 1 })
  })

  test('are as many requests as loads where they share nothing', async () => {
    const report = await runConcurrentLoads({ loads: 25, isShared: false })
    expect(report).toMatchObject({ succeeded: 25, failed: 0, serverRequests: 25 })
    expect(report.apiRequests).toEqual({ [namespaces]: 25, [value]: 25 })
  })
})
