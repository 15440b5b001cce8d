import { describe, expect, test } from 'vitest'
import { type KVLimitLoad, type KVLimitOutcome, runKVLimitLoad } from '../support/kv-limit-load.ts'

const isolates = { isolates: 20, locations: 5 }
const seeds = [1, 2, 3, 4, 5]

/** One load under several seeds. */
function runAll(load: Omit<KVLimitLoad, 'seed'>): Promise<KVLimitOutcome[]> {
  return Promise.all(seeds.map((seed) => runKVLimitLoad({ ...load, seed })))
}

function total(
  outcomes: readonly KVLimitOutcome[],
  name: 'checks' | 'writes' | 'refusedWrites' | 'readKeys',
): number {
  return outcomes.reduce((sum, outcome) => sum + outcome[name], 0)
}

function worst(outcomes: readonly KVLimitOutcome[]): number {
  return Math.max(...outcomes.map((outcome) => outcome.worst))
}

describe('three times a limit of 1,000 in 10 minutes, from 20 isolates in 5 locations', () => {
  const load = { ...isolates, limit: 1000, windowSeconds: 600, demand: 3 }

  test('admits a third too many at most, where read-modify-write admits everything', async () => {
    const outcomes = await runAll(load)
    expect(worst(outcomes)).toBeLessThan(1.35)
    for (const { admitted, mostOfAnIsolate } of outcomes) {
      // The limit, and what comes in within a minute.
      for (const count of admitted) expect(count).toBeLessThan(1000 + 5 * 60 + 50)
      expect(Math.min(...admitted)).toBeGreaterThanOrEqual(1000)
      expect(mostOfAnIsolate).toBeLessThanOrEqual(1000)
    }
    const before = await runAll({ ...load, algorithm: 'read-modify-write' })
    expect(worst(before)).toBeGreaterThan(2.8)
  })

  test('is refused next to no write, and loses none', async () => {
    const outcomes = await runAll(load)
    // By chance two isolates may begin in one lane. An isolate alone never meets its own writes.
    expect(total(outcomes, 'refusedWrites') / total(outcomes, 'writes')).toBeLessThan(0.005)
    for (const { closestWritesMs, unwritten } of outcomes) {
      expect(closestWritesMs).toBeGreaterThanOrEqual(1000)
      expect(unwritten).toBe(0)
    }
    const before = await runAll({ ...load, algorithm: 'read-modify-write' })
    expect(total(before, 'refusedWrites') / total(before, 'writes')).toBeGreaterThan(0.8)
  })

  test('costs under a fifth of a write and some two keys read for a call', async () => {
    const outcomes = await runAll(load)
    const checks = total(outcomes, 'checks')
    expect(total(outcomes, 'writes') / checks).toBeLessThan(0.2)
    expect(total(outcomes, 'readKeys') / checks).toBeLessThan(2.5)
  })
})

test('one isolate on a hot key is never refused a write', async () => {
  for (const limit of [10, 1000, 5000]) {
    const load = { isolates: 1, locations: 1, limit, windowSeconds: 300, demand: 2, windows: 1 }
    for (const outcome of await runAll(load)) {
      expect(outcome).toMatchObject({ refusedWrites: 0, unwritten: 0, worst: 1 })
      expect(outcome.closestWritesMs).toBeGreaterThanOrEqual(1000)
    }
  }
})

test('admits all of half a limit, and costs more than it is worth where calls are rare', async () => {
  const outcomes = await runAll({ ...isolates, limit: 1000, windowSeconds: 600, demand: 0.5 })
  for (const { admitted, checks } of outcomes) {
    expect(admitted.reduce((sum, count) => sum + count, 0)).toBe(checks)
  }
  const checks = total(outcomes, 'checks')
  expect(total(outcomes, 'writes') / checks).toBeLessThan(1)
  expect(total(outcomes, 'readKeys') / checks).toBeLessThan(12)
})

test('holds a small limit nearly, in windows of a quarter of an hour', async () => {
  const load = { isolates: 10, locations: 3, limit: 10, windowSeconds: 900, demand: 6 }
  expect(worst(await runAll(load))).toBeLessThanOrEqual(1.5)
})

test('admits a multiple in a window of a minute, and warns each isolate of it', async () => {
  const load = { ...isolates, limit: 1000, windowSeconds: 60, demand: 6, windows: 2 }
  const outcomes = await runAll(load)
  expect(worst(outcomes)).toBeGreaterThan(2)
  expect(worst(outcomes)).toBeLessThan(3.5)
  for (const { events } of outcomes) {
    expect(events.filter(({ type }) => type === 'weak_limit')).toHaveLength(20)
  }
})

test('admits no more than the limit in each isolate where KV is as late as it may be', async () => {
  const load = { ...isolates, limit: 100, windowSeconds: 600, demand: 10 }
  const outcomes = await runAll({ ...load, consistency: 'adverse' })
  for (const { mostOfAnIsolate, unwritten } of outcomes) {
    expect(mostOfAnIsolate).toBeLessThanOrEqual(100)
    expect(unwritten).toBe(0)
  }
})
