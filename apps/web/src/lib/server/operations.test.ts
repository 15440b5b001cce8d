import { describe, expect, it } from 'vitest'
import { createOperationCounts, formatOperations, OperationLedger } from './operations.ts'

describe('formatOperations', () => {
  it('names every kind, also those that did not happen', () => {
    expect(formatOperations(createOperationCounts())).toBe(
      'kv.read=0 kv.write=0 kv.delete=0 kv.list=0 d1.query=0',
    )
    expect(formatOperations({ ...createOperationCounts(), 'kv.read': 2, 'd1.query': 1 })).toBe(
      'kv.read=2 kv.write=0 kv.delete=0 kv.list=0 d1.query=1',
    )
  })
})

describe('OperationLedger', () => {
  it('counts overlapping requests apart and together', async () => {
    const ledger = new OperationLedger({ now: () => 5 })
    const first = createOperationCounts()
    const second = createOperationCounts()
    const { promise: firstMayEnd, resolve: endFirst } = Promise.withResolvers<null>()

    const firstDone = ledger.run(first, async () => {
      ledger.add('kv.read', 1)
      await firstMayEnd
      ledger.add('d1.query', 3)
    })
    await ledger.run(second, async () => {
      await Promise.resolve()
      ledger.add('kv.write', 1)
    })
    endFirst(null)
    await firstDone

    expect(formatOperations(first)).toBe('kv.read=1 kv.write=0 kv.delete=0 kv.list=0 d1.query=3')
    expect(formatOperations(second)).toBe('kv.read=0 kv.write=1 kv.delete=0 kv.list=0 d1.query=0')
    expect(ledger.totals).toEqual({
      ...createOperationCounts(),
      'kv.read': 1,
      'kv.write': 1,
      'd1.query': 3,
    })
    expect(ledger.requests).toBe(2)
    expect(ledger.startedAtMs).toBe(5)
  })

  it('counts what happens outside of a request into the totals only', () => {
    const ledger = new OperationLedger()
    const counts = createOperationCounts()
    ledger.run(counts, () => undefined)
    ledger.add('kv.list', 1)
    expect(counts['kv.list']).toBe(0)
    expect(ledger.totals['kv.list']).toBe(1)
  })
})
