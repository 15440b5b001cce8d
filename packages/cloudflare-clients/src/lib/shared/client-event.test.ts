import { afterEach, expect, test, vi } from 'vitest'
import { KVError } from '../kv/kv-error.ts'
import { createReporter } from './client-event.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

test('logs one JSON line per event when no reporter is given', () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  const error = new KVError('Cannot read from KV: KV is unavailable', {
    code: 'unavailable',
    operation: 'read',
    retryable: true,
  })
  createReporter()({ type: 'store_error', client: 'cache', operation: 'get', key: 'k', error })
  createReporter()({ type: 'corrupt_value', client: 'cache', key: 'k', reason: 'it is not JSON' })
  const lines = warn.mock.calls.map(([line]) => JSON.parse(String(line)) as unknown)
  expect(lines).toEqual([
    expect.objectContaining({
      event: 'store_error',
      error: { code: 'unavailable', message: 'Cannot read from KV: KV is unavailable' },
    }),
    expect.objectContaining({ event: 'corrupt_value', key: 'k' }),
  ])
})

test('swallows no request when the reporter throws, and says so', () => {
  const logged = vi.spyOn(console, 'error').mockReturnValue()
  const report = createReporter(() => {
    throw new Error('broken reporter')
  })
  report({ type: 'corrupt_value', client: 'cache', key: 'k', reason: 'it is not JSON' })
  expect(logged).toHaveBeenCalledOnce()
})
