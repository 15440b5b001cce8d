import { expect, it } from 'vitest'
import { resolveByteRange } from './byte-range.ts'

const whole = { kind: 'whole' }
const unsatisfiable = { kind: 'unsatisfiable' }
const part = (offset: number, length: number) => ({ kind: 'part', offset, length })

it.each([
  [null, whole],
  ['bytes=0-0', part(0, 1)],
  ['bytes=0-99', part(0, 100)],
  ['bytes=10-19', part(10, 10)],
  ['bytes=90-', part(90, 10)],
  ['bytes=99-', part(99, 1)],
  ['bytes=100-', unsatisfiable],
  ['bytes=100-200', unsatisfiable],
  ['bytes=90-9999999999999999999', part(90, 10)],
  ['bytes=-1', part(99, 1)],
  ['bytes=-100', part(0, 100)],
  ['bytes=-101', part(0, 100)],
  ['bytes=-0', unsatisfiable],
  ['bytes=5-4', whole],
  ['bytes=-', whole],
  ['bytes=0-1,3-4', whole],
  ['items=0-1', whole],
  ['bytes=a-b', whole],
])('resolves %j of 100 bytes', (header, expected) => {
  expect(resolveByteRange(header, 100)).toEqual(expected)
})
