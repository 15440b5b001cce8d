import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SessionCopy } from './session-copy.ts'
import { SessionMemory } from './session-memory.ts'
import type { SessionRecord } from './session-record.ts'

function copyOf(version: number, confirmedAtMs: number, userId = 'u'): SessionCopy {
  const record: SessionRecord = {
    id: 'i',
    userId,
    version,
    createdAtMs: 0,
    authenticatedAtMs: 0,
    lastSeenAtMs: 0,
    expiresAtMs: 1e9,
    idleTimeoutMs: 1e9,
    remember: true,
    everyoneEpoch: 0,
    roles: [],
    data: null,
  }
  return { record, confirmedAtMs }
}

test('in whatever order copies come, the newest record and the youngest stamp are kept, and nothing after a refusal', () => {
  const offers = fc.record({ version: fc.integer({ min: 1, max: 5 }), atMs: fc.nat(20) })
  const steps = fc.array(fc.oneof({ weight: 9, arbitrary: offers }, fc.constant('refuse' as const)))
  fc.assert(
    fc.property(steps, (plan) => {
      const memory = new SessionMemory(10)
      let version = 0
      let atMs = -1
      let isRefused = false
      for (const step of plan) {
        if (step === 'refuse') {
          isRefused = true
          memory.refuse('h', { refusal: 'revoked', atMs: 0 })
        } else {
          memory.offer('h', copyOf(step.version, step.atMs))
          version = Math.max(version, step.version)
          atMs = Math.max(atMs, step.atMs)
        }
        const held = memory.copyOf('h')
        if (isRefused) {
          expect(held).toBeUndefined()
          expect(memory.refusalOf('h')?.refusal).toBe('revoked')
        } else {
          expect(held?.record.version ?? 0).toBe(version)
          expect(held?.confirmedAtMs ?? -1).toBe(atMs)
        }
      }
    }),
    { seed: 1, numRuns: 500 },
  )
})

test('the first refusal stays', () => {
  const memory = new SessionMemory(10)
  memory.refuse('h', { refusal: 'reused', atMs: 1 })
  memory.refuse('h', { refusal: 'unknown', atMs: 2 })
  expect(memory.refusalOf('h')).toEqual({ refusal: 'reused', atMs: 1 })
})

test('forgets what was used longest ago, of copies and refusals', () => {
  const memory = new SessionMemory(2)
  memory.offer('a', copyOf(1, 1))
  memory.offer('b', copyOf(1, 1))
  memory.copyOf('a')
  memory.offer('c', copyOf(1, 1))
  expect(['a', 'b', 'c'].map((hash) => memory.copyOf(hash) !== undefined)).toEqual([
    true,
    false,
    true,
  ])
  for (const hash of ['x', 'y', 'z']) memory.refuse(hash, { refusal: 'unknown', atMs: 1 })
  expect(memory.refusalOf('x')).toBeUndefined()
  expect(memory.refusalOf('z')).toBeDefined()
})

test('keeps nothing with no room, and still gives back what is offered', () => {
  const memory = new SessionMemory(0)
  const copy = copyOf(1, 1)
  expect(memory.offer('a', copy)).toBe(copy)
  expect(memory.copyOf('a')).toBeUndefined()
})

test('forgets the sessions of one user', () => {
  const memory = new SessionMemory(10)
  memory.offer('a', copyOf(1, 1, 'ada'))
  memory.offer('b', copyOf(1, 1, 'bob'))
  memory.forgetUser('ada')
  expect(memory.copyOf('a')).toBeUndefined()
  expect(memory.copyOf('b')).toBeDefined()
})

test('a caller cannot change what others get', () => {
  const memory = new SessionMemory(10)
  const data = { cart: [1] }
  memory.offer('a', { ...copyOf(1, 1), record: { ...copyOf(1, 1).record, data } })
  expect(() => data.cart.push(2)).toThrow(TypeError)
})

test('the end of a token goes with the newer of two copies', () => {
  const memory = new SessionMemory(10)
  memory.offer('a', { ...copyOf(2, 5), validUntilMs: 50 })
  expect(memory.offer('a', copyOf(1, 9))).toMatchObject({ validUntilMs: 50, confirmedAtMs: 9 })
  expect(memory.offer('a', copyOf(2, 12))).not.toHaveProperty('validUntilMs')
})
