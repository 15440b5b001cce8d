import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AbortStage, openAbortStage } from './abort-stage.ts'

// A client that resets its connection cancels the request it began, and what that request was loading for others. See
// client-abort.test.ts.

const trialCount = 20
const ruleset = {
  format: 1,
  version: 1,
  changedAtMs: 0,
  flags: { beta: { enabled: true, version: 1 } },
}

/** Its origin is asked at each read of KV. */
let stage: AbortStage

beforeAll(async () => {
  stage = await openAbortStage('flag-abort-worker.ts')
  await fetch(new URL('/seed', stage.worker), { method: 'POST', body: JSON.stringify(ruleset) })
})

afterAll(() => stage.close())

test.for([
  ['anchored', 'answers everybody from the load of a client that went away', 1, 3000],
  // A wait of a second before the follower loads for itself.
  ['alone', 'lets one follower take over from a client that went away', 2, 4000],
] as const)('%s: %s', async ([variant, , expectedReads, answerWithinMs]) => {
  const keys = Array.from({ length: trialCount }, (_, trial) => `${variant}-${trial}`)
  const trials = await Promise.all(keys.map((key) => stage.runTrial(variant, key)))
  expect(trials.map((answers) => answers.map(({ body }) => body))).toEqual(
    keys.map(() => ['true', 'true', 'true']),
  )
  expect(Math.max(...trials.flat().map(({ tookMs }) => tookMs))).toBeLessThan(answerWithinMs)
  expect(keys.map((key) => stage.calls.get(key))).toEqual(keys.map(() => expectedReads))
})
