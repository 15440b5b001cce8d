import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryTier, type MemoryTier } from './memory-tier.ts'

function kept(tier: MemoryTier<number>, keys: string): string {
  return Array.from(keys, (key) => (tier.get(key) === undefined ? '' : key)).join('')
}

test('gives back the very value that was set, also a falsy one', () => {
  const tier = createMemoryTier<unknown>()
  const value = { a: 1 }
  tier.set('k', value, 1)
  tier.set('null', null, 1)
  expect(tier.get('k')).toBe(value)
  expect(tier.get('null')).toBeNull()
  expect(tier.get('missing')).toBeUndefined()
  tier.delete('k')
  tier.delete('missing')
  expect(tier.get('k')).toBeUndefined()
  expect([tier.size(), tier.bytes()]).toEqual([1, 1])
})

describe('bounds', () => {
  test('keeps 5,000 entries and 16 MiB unless told otherwise', () => {
    const byEntries = createMemoryTier<number>()
    for (let i = 0; i <= 5000; i++) byEntries.set(`${i}`, i, 1)
    expect(byEntries.size()).toBe(5000)
    const byBytes = createMemoryTier<number>()
    for (let i = 0; i <= 16; i++) byBytes.set(`${i}`, i, 1_048_576)
    expect([byBytes.size(), byBytes.bytes()]).toEqual([16, 16_777_216])
  })

  test('keeps a value of an eighth of the bytes and forgets the key of a larger one', () => {
    const tier = createMemoryTier<number>({ maxBytes: 800 })
    tier.set('k', 1, 100)
    expect(tier.get('k')).toBe(1)
    tier.set('k', 2, 101)
    expect(tier.get('k')).toBeUndefined()
    expect([tier.size(), tier.bytes()]).toEqual([0, 0])
    tier.set('k', 3, NaN)
    expect(tier.size()).toBe(0)
  })

  test('makes room when a known value grows', () => {
    const tier = createMemoryTier<number>({ maxBytes: 16 })
    for (const key of 'abcdefgh') tier.set(key, 1, 2)
    tier.get('a')
    tier.set('h', 2, 1)
    tier.set('h', 3, 2)
    expect([tier.size(), tier.bytes()]).toEqual([8, 16])
    tier.set('g', 2, 1)
    tier.set('i', 1, 1)
    expect([tier.size(), tier.bytes()]).toEqual([9, 16])
    tier.set('g', 2, 2)
    expect(kept(tier, 'abcdefghi')).toBe('acdefghi')
    expect(tier.bytes()).toBe(15)
  })

  test.for([0, -1, NaN, Infinity])('refuses %d entries', (maxEntries) => {
    expect(() => createMemoryTier({ maxEntries })).toThrow(
      new RangeError(
        `Cannot create memory tier: maxEntries must be from 1 to 1000000000, received ${maxEntries}`,
      ),
    )
  })

  test.for([0, -1, NaN])('refuses %d bytes', (maxBytes) => {
    expect(() => createMemoryTier({ maxBytes })).toThrow(
      new RangeError(
        `Cannot create memory tier: maxBytes must be from 1 to 1000000000, received ${maxBytes}`,
      ),
    )
  })
})

describe('eviction', () => {
  test('evicts the oldest that was not read since it came', () => {
    const tier = createMemoryTier<number>({ maxEntries: 3 })
    for (const key of 'abc') tier.set(key, 1, 0)
    tier.get('a')
    tier.set('d', 1, 0)
    expect(kept(tier, 'abcd')).toBe('acd')
  })

  test('evicts something also when all were read', () => {
    const tier = createMemoryTier<number>({ maxEntries: 3 })
    for (const key of 'abc') tier.set(key, 1, 0)
    expect(kept(tier, 'abc')).toBe('abc')
    tier.set('d', 1, 0)
    expect(tier.size()).toBe(3)
    expect(tier.get('d')).toBe(1)
  })

  test('keeps what is read often through a scan of keys that are read once', () => {
    const tier = createMemoryTier<number>({ maxEntries: 20 })
    for (const key of 'abc') tier.set(key, 1, 0)
    for (let i = 0; i < 1000; i++) {
      if (i % 10 === 0) expect(kept(tier, 'abc')).toBe('abc')
      tier.set(`scan ${i}`, i, 0)
    }
  })

  test('lets go of what was popular once', () => {
    const tier = createMemoryTier<number>({ maxEntries: 20 })
    const readAll = (keys: string): void => {
      for (let round = 0; round < 10; round++) {
        for (const key of keys) if (tier.get(key) === undefined) tier.set(key, 1, 0)
      }
    }
    readAll('abcdefghijklmnopqr')
    readAll('ABCDEFGHIJKLMNOPQR')
    expect(kept(tier, 'ABCDEFGHIJKLMNOPQR')).toBe('ABCDEFGHIJKLMNOPQR')
  })

  test('does not count a thousand reads as more than three', () => {
    const tier = createMemoryTier<number>({ maxEntries: 10 })
    tier.set('a', 1, 0)
    tier.get('a')
    for (let i = 0; i < 12; i++) tier.set(`never read ${i}`, i, 0)
    for (let i = 0; i < 1000; i++) expect(tier.get('a')).toBe(1)
    for (let i = 0; i < 100; i++) {
      tier.set(`read once ${i}`, i, 0)
      tier.get(`read once ${i}`)
    }
    expect(tier.get('a')).toBeUndefined()
  })

  test('keeps longer what comes back soon after it left', () => {
    const tier = createMemoryTier<number>({ maxEntries: 10 })
    for (const key of 'abcdefghij') tier.set(key, 1, 0)
    tier.set('k', 1, 0)
    expect(tier.get('a')).toBeUndefined()
    tier.set('a', 1, 0)
    for (let i = 0; i < 50; i++) tier.set(`scan ${i}`, i, 0)
    expect(tier.get('a')).toBe(1)
    expect(kept(tier, 'bcdefghijk')).toBe('')
  })

  test('counts and keeps what plain queues keep, whatever is done to it', () => {
    const operation = fc.record({
      type: fc.constantFrom('get', 'set', 'set', 'delete'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
      bytes: fc.nat({ max: 3 }),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100, size: 'max' }), (operations) => {
        const tier = createMemoryTier<number>({ maxEntries: 5, maxBytes: 16 })
        const model = new QueueModel(5, 16)
        for (const [index, { type, key, bytes }] of operations.entries()) {
          if (type === 'get') expect(tier.get(key)).toBe(model.get(key))
          else if (type === 'set') {
            tier.set(key, index, bytes)
            model.set(key, index, bytes)
          } else {
            tier.delete(key)
            model.delete(key)
          }
          expect([tier.size(), tier.bytes()]).toEqual([model.items.length, model.bytes])
        }
      }),
      { seed: 3, numRuns: 3000 },
    )
  })

  test('evicts in the same order after thousands of deletes', () => {
    const tier = createMemoryTier<number>({ maxEntries: 3 })
    for (let i = 0; i < 5000; i++) {
      tier.set('churn', i, 0)
      tier.delete('churn')
    }
    for (const key of 'abcd') tier.set(key, 1, 0)
    expect(kept(tier, 'abcd')).toBe('bcd')
    expect([tier.size(), tier.bytes()]).toEqual([3, 0])
  })
})

interface Item {
  readonly key: string
  value: number
  bytes: number
  uses: number
}

/** The queues of the paper in the plainest form. */
class QueueModel {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly #small: Item[] = []
  readonly #main: Item[] = []
  #ghost: string[] = []

  constructor(maxEntries: number, maxBytes: number) {
    this.maxEntries = maxEntries
    this.maxBytes = maxBytes
  }

  get items(): readonly Item[] {
    return [...this.#small, ...this.#main]
  }

  get bytes(): number {
    return this.items.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get(key: string): number | undefined {
    const item = this.items.find((one) => one.key === key)
    if (item) item.uses = Math.min(3, item.uses + 1)
    return item?.value
  }

  set(key: string, value: number, bytes: number): void {
    if (bytes > this.maxBytes / 8) {
      this.delete(key)
      return
    }
    const item = this.items.find((one) => one.key === key)
    if (item) Object.assign(item, { value, bytes })
    while (
      this.items.length + (item ? 0 : 1) > this.maxEntries ||
      this.bytes + (item ? 0 : bytes) > this.maxBytes
    ) {
      this.#evict()
    }
    if (item) return
    const queue = this.#ghost.includes(key) ? this.#main : this.#small
    this.#ghost = this.#ghost.filter((one) => one !== key)
    queue.push({ key, value, bytes, uses: 0 })
  }

  delete(key: string): void {
    for (const queue of [this.#small, this.#main]) {
      const index = queue.findIndex((one) => one.key === key)
      if (index >= 0) queue.splice(index, 1)
    }
  }

  #evict(): void {
    const isSmall = this.#main.length === 0 || this.#small.length > this.items.length / 10
    const item = (isSmall ? this.#small : this.#main).shift()
    if (item === undefined) throw new Error('nothing to evict')
    if (item.uses > 0) {
      item.uses = isSmall ? 0 : item.uses - 1
      this.#main.push(item)
      return
    }
    if (isSmall) this.#ghost.push(item.key)
    this.#ghost = this.#ghost.slice(-this.items.length || this.#ghost.length)
  }
}
