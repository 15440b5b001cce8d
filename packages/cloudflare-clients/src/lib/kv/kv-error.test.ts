import { expect, test } from 'vitest'
import { KVError, kvCall, toKVError } from './kv-error.ts'

// The texts are the binding's own: see "Error texts" in Cloudflare's documentation of each call.
test.for([
  ['KV PUT failed: 429 Too Many Requests', 'rate_limited', true],
  ['KV put() limit exceeded for the day.', 'quota_exceeded', false],
  ['KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.', 'too_large', false],
  [
    'KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.',
    'invalid_request',
    false,
  ],
  [
    'KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.',
    'invalid_request',
    false,
  ],
  ['KV GET failed: 500 Internal Server Error', 'unavailable', true],
  ['KV GET failed: 503 Service Unavailable', 'unavailable', true],
  ['Network connection lost.', 'unavailable', true],
] as const)('classifies "%s" as %s', ([message, code, retryable]) => {
  const cause = new Error(message)
  expect(toKVError('write', cause)).toMatchObject({ code, retryable, operation: 'write', cause })
})

test('keeps an error that is one already', () => {
  const error = toKVError('read', 'gone')
  expect(toKVError('delete', error)).toBe(error)
})

test('turns what a call throws synchronously into a rejection too', async () => {
  const call = (): Promise<never> => {
    throw new TypeError('Key name cannot be empty.')
  }
  await expect(kvCall('read', call)).rejects.toBeInstanceOf(KVError)
})
