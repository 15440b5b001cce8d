import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AbortStage, openAbortStage } from './abort-stage.ts'

// A client that resets its connection cancels the request it began, and every promise that other requests were awaiting
// from it. A FIN does not, and neither does a request aborted inside the runtime, so this needs a socket.

const trialCount = 20

let stage: AbortStage

beforeAll(async () => {
  stage = await openAbortStage('client-abort-worker.ts')
})

afterAll(() => stage.close())

describe.for(['define', 'getOrSet'])('%s', (api) => {
  test.for([
    ['anchored', 'answers every follower from the load of a client that went away', 1, 3000],
    // Two waits of a second, for the read and for its load, before the load.
    ['alone', 'lets one follower take over from a client that went away', 2, 5000],
  ] as const)('%s: %s', async ([variant, , expectedCalls, answerWithinMs]) => {
    const reader = `${api}-${variant}`
    const keys = Array.from({ length: trialCount }, (_, trial) => `${reader}-${trial}`)
    const trials = await Promise.all(keys.map((key) => stage.runTrial(reader, key)))
    const slowest = Math.max(...trials.flat().map(({ tookMs }) => tookMs))
    const bodies = trials.map((answers) => answers.map(({ status, body }) => ({ status, body })))
    const expected = keys.map((key) => {
      const answer = { status: 200, body: JSON.stringify({ key, call: expectedCalls }) }
      return [answer, answer, answer]
    })
    expect(bodies).toEqual(expected)
    expect(slowest).toBeLessThan(answerWithinMs)
    expect(keys.map((key) => stage.calls.get(key))).toEqual(keys.map(() => expectedCalls))
  })
})
