import { describe, expect, test } from 'vitest'
import { priceKVOperations } from './kv-prices.ts'

describe('the price of operations', () => {
  test.each([
    [{ read: 1_000_000 }, 0.5],
    [{ write: 1_000_000 }, 5],
    [{ delete: 1_000_000 }, 5],
    [{ list: 1_000_000 }, 5],
    [{ read: 2, write: 1, delete: 1, list: 1 }, 0.000_016],
    [{}, 0],
  ])('of %o is %d dollars', (operations, dollars) => {
    expect(priceKVOperations(operations)).toBe(dollars)
  })

  test('leaves out what a plan includes, where it is asked to', () => {
    const options = { subtractIncluded: true }
    expect(priceKVOperations({ read: 10_000_000, write: 1_000_000 }, options)).toBe(0)
    expect(priceKVOperations({ read: 12_000_000, write: 1_000_002 }, options)).toBe(1.000_01)
  })

  test.each([-1, NaN])('is refused for a count of %d', (read) => {
    expect(() => priceKVOperations({ read })).toThrow(RangeError)
  })
})
