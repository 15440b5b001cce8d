import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CounterAuthority } from './counter-authority.ts'
import { MemoryStorage } from './memory-storage.ts'

const dayMs = 86_400_000

function openShard() {
  const storage = new MemoryStorage()
  let nowMs = 1_000_000
  const open = () => new CounterAuthority(storage, () => nowMs)
  return {
    open,
    advance: (ms: number) => {
      nowMs += ms
    },
    countRows: () => [...storage.list({ prefix: '' })].length,
  }
}

describe('a shard of a counter', () => {
  test('counts a report once, however often it comes', () => {
    const shard = openShard().open()
    for (let time = 0; time < 3; time++) {
      shard.count({ holder: 'a', seq: 1, total: 5, confirmed: 0 })
    }
    expect(shard.getTotal()).toBe(5)
  })

  test('learns from a report what a lost one said', () => {
    const shard = openShard().open()
    shard.count({ holder: 'a', seq: 1, total: 5, confirmed: 0 })
    shard.count({ holder: 'a', seq: 3, total: 9, confirmed: 5 })
    shard.count({ holder: 'a', seq: 2, total: 7, confirmed: 5 })
    expect(shard.getTotal()).toBe(9)
  })

  test('keeps what silent holders counted, in one row, and goes on with one that comes back', () => {
    const { open, advance, countRows } = openShard()
    const shard = open()
    shard.count({ holder: 'a', seq: 1, total: 5, confirmed: 0 })
    advance(1)
    shard.count({ holder: 'b', seq: 1, total: -2, confirmed: 0 })
    expect(shard.pruneAtMs()).toBe(1_000_000 + dayMs)
    advance(dayMs)
    shard.prune()
    expect(shard.pruneAtMs()).toBeUndefined()
    expect(countRows()).toBe(1)
    const reopened = open()
    expect(reopened.getTotal()).toBe(3)
    reopened.count({ holder: 'a', seq: 2, total: 6, confirmed: 5 })
    expect(reopened.getTotal()).toBe(4)
  })

  test('begins at 0 after a reset, for holders that go on as well', () => {
    const { open, advance } = openShard()
    const shard = open()
    shard.count({ holder: 'a', seq: 1, total: 5, confirmed: 0 })
    advance(dayMs)
    shard.prune()
    shard.count({ holder: 'b', seq: 1, total: 5, confirmed: 0 })
    shard.reset()
    expect(open().getTotal()).toBe(0)
    shard.count({ holder: 'b', seq: 2, total: 7, confirmed: 5 })
    expect(shard.getTotal()).toBe(2)
    expect(open().getTotal()).toBe(2)
  })

  test('has the sum of all that was counted, whatever is lost, late or repeated', () => {
    const step = fc.record({
      holder: fc.nat(2),
      by: fc.integer({ min: -5, max: 20 }),
      arrives: fc.constantFrom('now', 'lost', 'late', 'twice'),
      then: fc.constantFrom('nothing', 'nothing', 'restart', 'prune'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { open, advance } = openShard()
        let shard = open()
        const holders = [0, 1, 2].map(() => ({ seq: 0, total: 0, confirmed: 0 }))
        const late: (() => void)[] = []
        const report = (index: number) => {
          const holder = holders[index]
          if (holder === undefined) throw new Error('no such holder')
          const sent = { holder: String(index), ...holder }
          return () => {
            shard.count(sent)
            holder.confirmed = Math.max(sent.seq, 0) === holder.seq ? sent.total : holder.confirmed
          }
        }
        for (const { holder: index, by, arrives, then } of steps) {
          const holder = holders[index]
          if (holder === undefined) continue
          holder.seq++
          holder.total += by
          const deliver = report(index)
          if (arrives === 'late') late.push(deliver)
          else if (arrives !== 'lost') deliver()
          if (arrives === 'twice') deliver()
          if (then === 'restart') shard = open()
          if (then === 'prune') {
            // A day of silence, before which everything arrived.
            for (const at of [0, 1, 2]) report(at)()
            late.splice(0)
            advance(dayMs)
            shard.prune()
          }
        }
        for (const deliver of late) deliver()
        for (const at of [0, 1, 2]) report(at)()
        // What did not change is told with a new seq.
        for (const holder of holders) holder.seq++
        for (const at of [0, 1, 2]) report(at)()
        expect(shard.getTotal()).toBe(holders.reduce((sum, { total }) => sum + total, 0))
      }),
      { seed: 3, numRuns: 1000 },
    )
  })
})
