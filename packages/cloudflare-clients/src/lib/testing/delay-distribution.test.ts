import { expect, test } from 'vitest'
import { assertDelay, delayAt, type DelayDistribution } from './delay-distribution.ts'

const points: DelayDistribution = [
  [0.5, 20],
  [0.99, 100],
  [1, 500],
]

test.each<readonly [DelayDistribution, share: number, ms: number]>([
  [7, 0, 7],
  [7, 0.999, 7],
  [points, 0, 0],
  [points, 0.25, 10],
  [points, 0.5, 20],
  [points, 0.99, 100],
  [points, 0.995, 300],
  [
    [
      [0, 40],
      [1, 60],
    ],
    0,
    40,
  ],
  [
    [
      [0, 40],
      [1, 60],
    ],
    0.5,
    50,
  ],
  [
    [
      [0, 40],
      [1, 40],
    ],
    0.999,
    40,
  ],
])('a delay of %o at %d is %d ms', (delay, share, ms) => {
  expect(delayAt(delay, share)).toBeCloseTo(ms, 9)
})

test.each<DelayDistribution>([
  -1,
  NaN,
  Infinity,
  [],
  [[0.5, 1]],
  [[1, -1]],
  [[1, Infinity]],
  [
    [0.5, 2],
    [1, 1],
  ],
  [
    [0.6, 1],
    [0.5, 2],
    [1, 3],
  ],
  [
    [1, 1],
    [2, 2],
  ],
])('a delay of %o is refused', (delay) => {
  expect(() => {
    assertDelay('test', 'delay', delay)
  }).toThrow(/^Cannot test: delay must be/)
})

test.each<DelayDistribution>([
  0,
  5,
  points,
  [
    [0, 3],
    [1, 3],
  ],
])('a delay of %o is taken', (delay) => {
  expect(() => {
    assertDelay('test', 'delay', delay)
  }).not.toThrow()
})
