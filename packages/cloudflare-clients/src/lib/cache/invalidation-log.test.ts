import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvalidationLog } from './invalidation-log.ts'

test('tells a key that was invalidated after a load began from one that was not', () => {
  const log = new InvalidationLog()
  log.recordKey('before')
  const began = log.position
  log.recordKey('after')
  expect(log.isInvalidatedSince('before', began)).toBe(false)
  expect(log.isInvalidatedSince('after', began)).toBe(true)
  expect(log.isInvalidatedSince('after', log.position)).toBe(false)
})

test('counts every key under an invalidated prefix', () => {
  const log = new InvalidationLog()
  const began = log.position
  log.recordPrefix('a:')
  expect(log.isInvalidatedSince('a:1', began)).toBe(true)
  expect(log.isInvalidatedSince('b:1', began)).toBe(false)
})

test('never takes an invalidated key for a fresh one, however many came between', () => {
  const event = fc.record({ prefix: fc.boolean(), name: fc.constantFrom('a', 'ab', 'b', 'c', 'd') })
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 20 }),
      fc.nat({ max: 20 }),
      fc.constantFrom('a', 'ab', 'b'),
      (events, loadBeganAt, key) => {
        const log = new InvalidationLog(2)
        let began = log.position
        let invalidated = false
        for (const [index, { prefix, name }] of events.entries()) {
          if (index === loadBeganAt) {
            began = log.position
            invalidated = false
          }
          if (prefix) log.recordPrefix(name)
          else log.recordKey(name)
          if (prefix ? key.startsWith(name) : key === name) invalidated = true
        }
        if (invalidated) expect(log.isInvalidatedSince(key, began)).toBe(true)
      },
    ),
    { seed: 8, numRuns: 2000 },
  )
})
