import { expect, test } from 'vitest'
import { type Duration, toMs } from './duration.ts'

test.for<[Duration, number]>([
  [0, 0],
  [60, 60_000],
  [0.25, 250],
  ['0ms', 0],
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
])('reads %j as %i ms', ([duration, ms]) => {
  expect(toMs('do: it', duration)).toBe(ms)
})

test.for([
  [NaN, 'NaN'],
  [-1, '-1'],
  [Infinity, 'Infinity'],
  ['-5m', '-5m'],
  ['1.2.3s', '1.2.3s'],
] as const)('refuses %s, which is out of range', ([duration, shown]) => {
  const message = `Cannot define cache "user": fresh must be at least 0 seconds or text such as '5m', received ${shown}`
  expect(() => toMs('define cache "user": fresh', duration as Duration)).toThrow(
    new RangeError(message),
  )
})

test.for([
  '',
  ' ',
  'm',
  '5',
  '5 m',
  '5w',
  '5M',
  '1e3s',
  '5m\n',
  '5constructor',
  null,
  undefined,
  {},
  true,
])('refuses %j, which is no duration', (duration) => {
  expect(() => toMs('do: it', duration as Duration)).toThrow(TypeError)
  expect(() => toMs('do: it', duration as Duration)).toThrow(/^Cannot do: it must be .* received/)
})

test('takes the least that is asked for and nothing under it', () => {
  expect(toMs('wait: delay', '1s', 1000)).toBe(1000)
  expect(() => toMs('wait: delay', '999ms', 1000)).toThrow(
    new RangeError(
      `Cannot wait: delay must be at least 1 seconds or text such as '5m', received 999ms`,
    ),
  )
})

test('refuses a text whose milliseconds are more than a number holds', () => {
  expect(() => toMs('do: it', `${'9'.repeat(400)}d` as Duration)).toThrow(RangeError)
})
