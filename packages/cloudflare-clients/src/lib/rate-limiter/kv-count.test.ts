import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KVCount, parseClearing, parseSlot, toClearing } from './kv-count.ts'
import { KVWriteLane } from './kv-write-lane.ts'

const startMs = 20_800 * 86_400_000

function createCount(writer = 'me', nowMs = startMs): KVCount {
  return new KVCount({ writer, nowMs, windowMs: 900_000 })
}

function slot(counts: Readonly<Record<string, number>>, clearedAtMs = 0) {
  return { clearedAtMs, counts: new Map(Object.entries(counts)) }
}

test.for([
  [0, 60_000, '60000-0', 60_000],
  [59_999, 60_000, '60000-0', 60_000],
  [60_000, 60_000, '60000-1', 120_000],
  [1000, 500, '500-2', 1500],
] as const)('names the window of %i ms at %i ms', ([nowMs, windowMs, window, resetAt]) => {
  expect(new KVCount({ writer: 'me', nowMs, windowMs })).toMatchObject({ window, resetAt })
})

const anySlot = fc
  .record({
    clearedAtMs: fc.constantFrom(0, startMs + 1, startMs + 2),
    counts: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'me'), fc.nat({ max: 9 })),
  })
  .map(({ clearedAtMs, counts }) => slot(counts, clearedAtMs))

test('comes to the same count in any order of what is read, read once or twice', () => {
  fc.assert(
    fc.property(fc.array(anySlot, { minLength: 1, maxLength: 6 }), (slots) => {
      const [together, reversed, singly] = [createCount(), createCount(), createCount()]
      together.merge(slots)
      reversed.merge(slots.toReversed())
      for (const one of [...slots, ...slots.toReversed()]) singly.merge([one])
      expect(reversed.used).toBe(together.used)
      expect(singly.used).toBe(together.used)
    }),
    { seed: 6, numRuns: 1000 },
  )
})

test('adds up the highest count of each writer, wherever it stands, and its own once', () => {
  const count = createCount()
  count.add(3)
  count.merge([slot({ a: 2, me: 3 }), slot({ a: 5, b: 1 }), null])
  expect(count.used).toBe(3 + 5 + 1)
  count.merge([slot({ a: 4 })])
  expect(count.used).toBe(9)
})

test('starts anew with the latest clearing, and passes over what was counted before it', () => {
  const count = createCount()
  count.add(3)
  count.merge([slot({ a: 5 }), slot({ b: 2 }, startMs + 10)])
  expect(count.used).toBe(2)
  count.clear(startMs + 10)
  count.clear(startMs + 9)
  expect(count.used).toBe(2)
  count.clear(startMs + 11)
  expect(count).toMatchObject({ used: 0, unwritten: 0 })
})

test('is not touched by a clearing of an earlier window', () => {
  const count = createCount()
  count.add(3)
  count.clear(startMs - 1)
  expect(count.used).toBe(3)
  count.clear(startMs)
  expect(count.used).toBe(0)
})

test('writes its own count beside those that others keep in the slot', () => {
  const count = createCount()
  count.add(3)
  count.merge([slot({ a: 5 }), slot({ b: 2 })])
  const { text, confirm } = count.toStored(1)
  expect(parseSlot(text)).toEqual(slot({ me: 3, b: 2 }))
  count.add(1)
  confirm()
  expect(count.unwritten).toBe(1)
})

test('does not take for written what was written before a clearing', () => {
  const count = createCount()
  count.add(3)
  const { confirm } = count.toStored(0)
  count.clear(startMs + 1)
  count.add(1)
  confirm()
  expect(count.unwritten).toBe(1)
})

test('knows when KV lacks what it wrote', () => {
  const count = createCount()
  count.add(3)
  count.toStored(0).confirm()
  count.checkWritten([null, slot({ me: 3 })])
  expect(count.unwritten).toBe(0)
  count.checkWritten([slot({ a: 1 })])
  expect(count.unwritten).toBe(3)
})

test.for([
  '',
  'null',
  '5',
  '[]',
  '{}',
  '{"clearedAtMs":"0"}',
  '{"clearedAtMs":0,"counts":{"a":null}}',
])('does not read %s as a slot', (text) => {
  expect(parseSlot(text)).toBeNull()
})

test('reads a clearing, also from the counts of an earlier version', () => {
  expect(parseClearing(toClearing(7))).toBe(7)
  expect(parseClearing('{"count":1,"resetAt":5,"clearedAtMs":0}')).toBe(0)
  expect(parseClearing('{"count":1}')).toBeNull()
})

test('gives each lane a slot and moments of its own, 2 s apart in one slot', () => {
  const moments = new Map<number, number[]>()
  for (let lane = 0; lane < 80; lane++) {
    const { slot: at, next } = ((drawn) => ({
      slot: drawn.slot,
      next: drawn.next(startMs) - startMs,
    }))(new KVWriteLane(() => lane / 80))
    moments.set(at, [...(moments.get(at) ?? []), next])
  }
  expect(moments.size).toBe(16)
  for (const times of moments.values()) {
    expect(times.toSorted((a, b) => a - b)).toEqual([0, 2000, 4000, 6000, 8000])
  }
})
