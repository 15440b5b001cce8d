import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { countKV, failingKV } from '../../../test/support/wrapped-kv.ts'
import { createEmptyKV } from './empty-kv.ts'

test('counts what is billed: every key of a bulk read, one for each other call', async () => {
  const { kv, operations } = countKV(env.KV)
  await kv.put('a', '1')
  await kv.get('a')
  await kv.getWithMetadata('a')
  await kv.get(['a', 'b', 'b'])
  await kv.list()
  await kv.delete('a')
  expect(operations).toEqual({ read: 4, write: 1, delete: 1, list: 1 })
})

test('counts calls that KV refuses', async () => {
  const { kv, operations } = countKV(failingKV(env.KV))
  await expect(kv.get('a')).rejects.toThrow('500')
  expect(operations.read).toBe(1)
})

test('answers as the namespace it wraps', async () => {
  const { kv } = countKV(env.KV)
  await kv.put('k', 'v', { metadata: { m: 1 } })
  expect(await kv.get('k')).toBe('v')
  expect((await kv.getWithMetadata(['k'], 'text')).get('k')).toEqual({
    value: 'v',
    metadata: { m: 1 },
  })
})

test('an empty namespace finds nothing and drops what is written', async () => {
  const kv = createEmptyKV()
  await kv.put('a', '1')
  await kv.delete('a')
  expect(await kv.get('a')).toBeNull()
  expect(await kv.get(['a', 'b'])).toEqual(
    new Map([
      ['a', null],
      ['b', null],
    ]),
  )
  expect(await kv.getWithMetadata('a')).toMatchObject({ value: null, metadata: null })
  expect(await kv.list()).toMatchObject({ keys: [], list_complete: true })
})
