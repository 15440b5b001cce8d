import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryTier } from './memory-tier.ts'

function kept(tier: MemoryTier<number>, keys: string): string {
  return Array.from(keys, (key) => (tier.get(key) === undefined ? '' : key)).join('')
}

test('gives back the very value that was set, also a falsy one', () => {
  const tier = new MemoryTier<unknown>()
  const value = { a: 1 }
  tier.set('k', value, 1)
  tier.set('null', null, 1)
  expect(tier.get('k')).toBe(value)
  expect(tier.get('null')).toBeNull()
  expect(tier.get('missing')).toBeUndefined()
  tier.delete('k')
  tier.delete('missing')
  expect(tier.get('k')).toBeUndefined()
  expect(tier).toMatchObject({ size: 1, bytes: 1 })
})

describe('bounds', () => {
  test('keeps 5,000 entries and 16 MiB unless told otherwise', () => {
    const byEntries = new MemoryTier<number>()
    for (let i = 0; i <= 5000; i++) byEntries.set(`${i}`, i, 1)
    expect(byEntries.size).toBe(5000)
    const byBytes = new MemoryTier<number>()
    for (let i = 0; i <= 16; i++) byBytes.set(`${i}`, i, 1_048_576)
    expect(byBytes).toMatchObject({ size: 16, bytes: 16_777_216 })
  })

  test('keeps a value of an eighth of the bytes and forgets the key of a larger one', () => {
    const tier = new MemoryTier<number>({ maxBytes: 800 })
    tier.set('k', 1, 100)
    expect(tier.get('k')).toBe(1)
    tier.set('k', 2, 101)
    expect(tier.get('k')).toBeUndefined()
    expect(tier).toMatchObject({ size: 0, bytes: 0 })
    tier.set('k', 3, NaN)
    expect(tier.size).toBe(0)
  })

  test('makes room when a known value grows', () => {
    const tier = new MemoryTier<number>({ maxBytes: 16 })
    for (const key of 'abcdefgh') tier.set(key, 1, 2)
    tier.get('a')
    tier.set('h', 2, 1)
    tier.set('h', 3, 2)
    expect(tier).toMatchObject({ size: 8, bytes: 16 })
    tier.set('g', 2, 1)
    tier.set('i', 1, 1)
    expect(tier).toMatchObject({ size: 9, bytes: 16 })
    tier.set('g', 2, 2)
    expect(kept(tier, 'abcdefghi')).toBe('acdefghi')
    expect(tier.bytes).toBe(15)
  })

  test.for([0, -1, NaN, Infinity])('refuses %d entries', (maxEntries) => {
    expect(() => new MemoryTier({ maxEntries })).toThrow(
      new RangeError(
        `Cannot create memory tier: maxEntries must be from 1 to 1000000000, received ${maxEntries}`,
      ),
    )
  })

  test.for([0, -1, NaN])('refuses %d bytes', (maxBytes) => {
    expect(() => new MemoryTier({ maxBytes })).toThrow(
      new RangeError(
        `Cannot create memory tier: maxBytes must be from 1 to 1000000000, received ${maxBytes}`,
      ),
    )
  })
})

describe('eviction', () => {
  test('evicts the oldest that was not read since it came', () => {
    const tier = new MemoryTier<number>({ maxEntries: 3 })
    for (const key of 'abc') tier.set(key, 1, 0)
    tier.get('a')
    tier.set('d', 1, 0)
    expect(kept(tier, 'abcd')).toBe('acd')
  })

  test('goes on where it stopped instead of starting at the oldest again', () => {
    const tier = new MemoryTier<number>({ maxEntries: 3 })
    for (const key of 'abc') tier.set(key, 1, 0)
    tier.get('a')
    // Takes the mark off a and evicts b.
    tier.set('d', 1, 0)
    // a has no mark any more, but the hand stands at c.
    tier.set('e', 1, 0)
    expect(kept(tier, 'abcde')).toBe('ade')
  })

  test('evicts something also when all were read', () => {
    const tier = new MemoryTier<number>({ maxEntries: 3 })
    for (const key of 'abc') tier.set(key, 1, 0)
    expect(kept(tier, 'abc')).toBe('abc')
    tier.set('d', 1, 0)
    expect(kept(tier, 'abcd')).toBe('bcd')
  })

  test('keeps what is read often through a scan of keys that are read once', () => {
    const tier = new MemoryTier<number>({ maxEntries: 10 })
    for (const key of 'abc') tier.set(key, 1, 0)
    for (let i = 0; i < 1000; i++) {
      tier.set(`scan ${i}`, i, 0)
      if (i % 5 === 0) expect(kept(tier, 'abc')).toBe('abc')
    }
  })

  test('counts and keeps what a plain SIEVE queue keeps, whatever is done to it', () => {
    const operation = fc.record({
      type: fc.constantFrom('get', 'set', 'set', 'delete'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
      bytes: fc.nat({ max: 3 }),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const tier = new MemoryTier<number>({ maxEntries: 5, maxBytes: 16 })
        const model = new SieveModel(5, 16)
        for (const [index, { type, key, bytes }] of operations.entries()) {
          if (type === 'get') expect(tier.get(key)).toBe(model.get(key))
          else if (type === 'set') {
            tier.set(key, index, bytes)
            model.set(key, index, bytes)
          } else {
            tier.delete(key)
            model.delete(key)
          }
          expect(tier).toMatchObject({ size: model.queue.length, bytes: model.bytes })
        }
      }),
      { seed: 3, numRuns: 3000 },
    )
  })
})

interface Item {
  readonly key: string
  value: number
  bytes: number
  visited: boolean
}

/** The queue and the hand of the paper, in the plainest form. The hand starts over every sixth delete of a caller. */
class SieveModel {
  readonly queue: Item[] = []
  readonly maxEntries: number
  readonly maxBytes: number
  #hand = 0
  #deletes = 0

  constructor(maxEntries: number, maxBytes: number) {
    this.maxEntries = maxEntries
    this.maxBytes = maxBytes
  }

  get bytes(): number {
    return this.queue.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get(key: string): number | undefined {
    const item = this.queue.find((one) => one.key === key)
    if (item) item.visited = true
    return item?.value
  }

  set(key: string, value: number, bytes: number): void {
    if (bytes > this.maxBytes / 8) {
      this.delete(key)
      return
    }
    const item = this.queue.find((one) => one.key === key)
    if (item) Object.assign(item, { value, bytes })
    while (
      this.queue.length + (item ? 0 : 1) > this.maxEntries ||
      this.bytes + (item ? 0 : bytes) > this.maxBytes
    ) {
      const next = this.queue[this.#hand]
      if (!next) this.#hand = 0
      else if (next.visited) {
        next.visited = false
        this.#hand++
      } else this.queue.splice(this.#hand, 1)
    }
    if (!item) this.queue.push({ key, value, bytes, visited: false })
  }

  delete(key: string): void {
    const index = this.queue.findIndex((one) => one.key === key)
    if (index >= 0) this.queue.splice(index, 1)
    if (index >= 0 && index < this.#hand) this.#hand--
    if (++this.#deletes > this.maxEntries) {
      this.#hand = 0
      this.#deletes = 0
    }
  }
}
