import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { wrapKV } from '../../../test/support/wrapped-kv.ts'
import { circuitBreaker } from './circuit-breaker.ts'

test('asks again as before when the probe succeeds', async () => {
  const clock = new ManualClock(Date.now())
  let isDown = true
  let calls = 0
  const kv = circuitBreaker(
    wrapKV(env.KV, {
      get: (real, args) => {
        calls++
        return isDown ? Promise.reject(new Error('KV GET failed: 500')) : real(...args)
      },
    }),
    { maxFailures: 2, cooldownMs: 1000, now: clock.now },
  )
  await expect(kv.get('k')).rejects.toThrow('500')
  await expect(kv.get('k')).rejects.toThrow('500')
  await expect(kv.get('k')).rejects.toMatchObject({ code: 'circuit_open', retryable: true })
  clock.advance(0.999)
  await expect(kv.get('k')).rejects.toMatchObject({ code: 'circuit_open' })
  clock.advance(0.001)
  isDown = false
  expect(await Promise.all([kv.get('k')])).toEqual([null])
  expect(await kv.get('k')).toBeNull()
  expect(calls).toBe(4)
})

test('takes a read that does not answer for a failure', async () => {
  const clock = new ManualClock(Date.now())
  const kv = circuitBreaker(
    wrapKV(env.KV, { getWithMetadata: () => new Promise(() => undefined) }),
    { maxFailures: 1, timeoutMs: 20, now: clock.now, timers: clock },
  )
  const reading = kv.getWithMetadata('k')
  clock.advance(0.02)
  await expect(reading).rejects.toMatchObject({ code: 'unavailable' })
  await expect(kv.get('k')).rejects.toMatchObject({ code: 'circuit_open' })
})

test('does not count what is the caller’s mistake, and passes everything else through', async () => {
  const kv = circuitBreaker(env.KV, { maxFailures: 1 })
  await expect(kv.get('x'.repeat(600))).rejects.toThrow('414')
  await kv.put('k', 'v', { metadata: { m: 1 } })
  expect(await kv.get('k')).toBe('v')
  expect(await kv.getWithMetadata('k')).toMatchObject({ value: 'v', metadata: { m: 1 } })
  expect(await kv.get(['k', 'l'])).toEqual(
    new Map([
      ['k', 'v'],
      ['l', null],
    ]),
  )
  expect((await kv.list()).keys).toHaveLength(1)
  await kv.delete('k')
  expect(await kv.get('k')).toBeNull()
})

describe('an option that is out of range', () => {
  test.for([{ maxFailures: 0 }, { cooldownMs: NaN }, { timeoutMs: 0 }])(
    'is refused: %o',
    (options) => {
      expect(() => circuitBreaker(env.KV, options)).toThrow('Cannot create circuit breaker: ')
    },
  )

  test('is refused for a binding that is missing', () => {
    expect(() => circuitBreaker(undefined as unknown as KVNamespace)).toThrow(TypeError)
  })
})
