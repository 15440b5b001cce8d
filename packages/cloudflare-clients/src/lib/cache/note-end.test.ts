import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { createKeyRecords, type KeyRecords } from '../kv/key-records.ts'
import { noteEnd } from './note-end.ts'

let records: KeyRecords

beforeEach(() => {
  const clock = new ManualClock(0)
  records = createKeyRecords({ now: clock.now, timers: clock, maxKeys: 2 })
})

test('a stamp never goes back', () => {
  noteEnd(records, 't', { stampMs: 5, checkedAtMs: 5 })
  noteEnd(records, 't', { stampMs: 3, checkedAtMs: 6 })
  expect(records.of('t')).toMatchObject({ endMs: 5, checkedAtMs: 6 })
})

test('of too many, those learned longest ago are forgotten, and not taken for asked', () => {
  noteEnd(records, 'a', { stampMs: 1, checkedAtMs: 1 })
  noteEnd(records, 'b', { stampMs: 2, checkedAtMs: 2 })
  noteEnd(records, 'a', { stampMs: 1, checkedAtMs: 3 })
  noteEnd(records, 'c', { stampMs: 3, checkedAtMs: 3 })
  expect(['a', 'b', 'c'].map((key) => records.of(key).endMs)).toEqual([1, undefined, 3])
  expect(records.of('b').checkedAtMs).toBeUndefined()
})
