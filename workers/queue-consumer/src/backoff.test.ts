import { expect, it } from 'vitest'
import { backoffSeconds } from './backoff.ts'

it.each([
  [0, 10],
  [1, 10],
  [2, 20],
  [3, 40],
  [7, 640],
  [8, 900],
  [5000, 900],
])('waits after attempt %i for %i seconds', (attempts, seconds) => {
  expect(backoffSeconds(attempts, { baseSeconds: 10, maxSeconds: 900 })).toBe(seconds)
})
