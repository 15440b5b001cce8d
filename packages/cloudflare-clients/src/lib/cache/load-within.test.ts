import { expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { loadWithin } from './load-within.ts'

test('aborts its signal and fails when the limit has passed, not before', async () => {
  const clock = new ManualClock(0)
  let signal: AbortSignal | undefined
  const load = loadWithin<string, object, string>(
    '20ms',
    (_id, context) => {
      signal = context.signal
      return new Promise(() => undefined)
    },
    { timers: clock },
  )
  const loading = load('ada', {})
  clock.advance(0.019)
  expect(signal?.aborted).toBe(false)
  clock.advance(0.001)
  await expect(loading).rejects.toMatchObject({
    name: 'CacheLoadError',
    code: 'load_timeout',
    retryable: true,
    message: 'Cannot load: it took longer than 20 ms',
  })
  expect(signal?.reason).toMatchObject({ code: 'load_timeout' })
})

test('gives the loader what it was given, and passes on what it gives or throws', async () => {
  const load = loadWithin<number, { factor: number }, number>(5, (id, { factor, signal }) =>
    signal.aborted || id < 0 ? Promise.reject(new Error('no')) : Promise.resolve(id * factor),
  )
  expect(await load(2, { factor: 3 })).toBe(6)
  await expect(load(-1, { factor: 3 })).rejects.toThrow('no')
})

test('refuses a limit that is no duration above 0', () => {
  const load = (): Promise<null> => Promise.resolve(null)
  expect(() => loadWithin(0, load)).toThrow(RangeError)
  expect(() => loadWithin('soon' as '1s', load)).toThrow(TypeError)
})
