import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { wrapKV } from '../../../test/support/wrapped-kv.ts'
import { deleteKey } from './delete-key.ts'

const tooSoon = 'KV DELETE failed: 429 Too Many Requests'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
})

afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

/** Refuses the first deletes with the given messages. */
function refusing(messages: string[]): { kv: KVNamespace; tries: () => number } {
  let tries = 0
  const kv = wrapKV(env.KV, {
    delete: (real, args) => {
      const message = messages[tries++]
      return message === undefined ? real(...args) : Promise.reject(new Error(message))
    },
  })
  return { kv, tries: () => tries }
}

test('deletes once more after the second in which KV refuses a write', async () => {
  await env.KV.put('k', 'v')
  const { kv, tries } = refusing([tooSoon])
  const deleting = deleteKey(kv, 'k')
  await vi.advanceTimersByTimeAsync(1000)
  expect(tries()).toBe(1)
  await vi.advanceTimersByTimeAsync(100)
  await deleting
  expect(tries()).toBe(2)
  expect(await env.KV.get('k')).toBeNull()
})

test('tries no more than twice', async () => {
  const { kv, tries } = refusing([tooSoon, tooSoon])
  const deleting = expect(deleteKey(kv, 'k')).rejects.toMatchObject({ code: 'rate_limited' })
  await vi.advanceTimersByTimeAsync(5000)
  await deleting
  expect(tries()).toBe(2)
})

test('does not try again when KV fails for another reason', async () => {
  const { kv, tries } = refusing(['KV DELETE failed: 500 Internal Server Error'])
  await expect(deleteKey(kv, 'k')).rejects.toMatchObject({ code: 'unavailable' })
  expect(tries()).toBe(1)
})
