import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyFloors } from './key-floors.ts'

test('fences what began before a floor, not what began at it or after', () => {
  const floors = new KeyFloors()
  floors.raise('k', 10)
  expect(floors.isFenced('k', 9.999)).toBe(true)
  expect(floors.isFenced('k', 10)).toBe(false)
  expect(floors.isFenced('other', 1)).toBe(false)
})

test('never lowers a floor', () => {
  const floors = new KeyFloors()
  floors.raise('k', 10)
  floors.raise('k', 5)
  expect(floors.of('k')).toBe(10)
})

test('counts every key under a deleted prefix', () => {
  const floors = new KeyFloors()
  floors.raise('a:1', 5)
  floors.raise('b:1', 5)
  floors.deletePrefix('a:', 10)
  expect(floors.of('a:1')).toBe(10)
  expect(floors.of('b:1')).toBe(5)
  expect(floors.isFenced('a:2', 9)).toBe(true)
})

test('tells a key that was deleted last from one that was written again', () => {
  const floors = new KeyFloors()
  floors.delete('k', 10)
  expect(floors.isDeletedSince('k', 9)).toBe(true)
  expect(floors.isDeletedSince('k', 10)).toBe(false)
  floors.raise('k', 11)
  expect(floors.isDeletedSince('k', 9)).toBe(false)
  floors.deletePrefix('k', 12)
  expect(floors.isDeletedSince('k', 11)).toBe(true)
})

test('never lets a load pass that an invalidation came after, however many came between', () => {
  const event = fc.record({ prefix: fc.boolean(), name: fc.constantFrom('a', 'ab', 'b', 'c', 'd') })
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 20 }),
      fc.nat({ max: 20 }),
      fc.constantFrom('a', 'ab', 'b'),
      (events, loadBeganAt, key) => {
        const floors = new KeyFloors(2)
        let beganMs = 0.5
        let invalidated = false
        for (const [index, { prefix, name }] of events.entries()) {
          if (index === loadBeganAt) {
            beganMs = index + 0.5
            invalidated = false
          }
          if (prefix) floors.deletePrefix(name, index + 1)
          else floors.delete(name, index + 1)
          if (prefix ? key.startsWith(name) : key === name) invalidated = true
        }
        if (invalidated) expect(floors.isFenced(key, beganMs)).toBe(true)
      },
    ),
    { seed: 8, numRuns: 2000 },
  )
})
