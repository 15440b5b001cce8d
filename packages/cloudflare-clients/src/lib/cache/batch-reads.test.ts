import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test } from 'vitest'
import { wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ReadOptions } from '../kv/read-entry.ts'
import { batchReads } from './batch-reads.ts'
import type { ReadKey } from './cache-core.ts'

afterEach(reset)

/** Reads from the local KV, and notes what each call asks for. */
function createReads(options: { read?: ReadOptions; fails?: boolean } = {}): {
  ask: ReadKey
  calls: unknown[][]
} {
  const calls: unknown[][] = []
  const kv = wrapKV(env.KV, {
    getWithMetadata: (real, args) => {
      calls.push(args)
      return options.fails === true
        ? Promise.reject(new Error('KV GET failed: 500 Internal Server Error'))
        : real(...args)
    },
  })
  return { ask: batchReads({ kv, now: Date.now }, options.read), calls }
}

test('a key that is asked for alone is read alone', async () => {
  const { ask, calls } = createReads()
  await env.KV.put('a', '1', { metadata: { codex: 1, expiresAtMs: Date.now() + 60_000 } })
  expect(await ask('a')).toMatchObject({ text: '1', own: { codex: 1 } })
  expect(await ask('b')).toBe(null)
  expect(calls).toEqual([
    ['a', undefined],
    ['b', undefined],
  ])
})

test('what is asked for in one tick is one call, each key once and each asker its own', async () => {
  const { ask, calls } = createReads()
  await env.KV.put('a', '1')
  await env.KV.put('b', '2')
  const found = await Promise.all(['a', 'b', 'none', 'a'].map(ask))
  expect(found.map((entry) => entry?.text)).toEqual(['1', '2', undefined, '1'])
  expect(calls).toEqual([[['a', 'b', 'none'], undefined]])
})

test('callers who woke up together are in one call', async () => {
  const { ask, calls } = createReads()
  const awaken = Promise.resolve()
  await Promise.all(['a', 'b', 'c'].map((key) => awaken.then(() => ask(key))))
  expect(calls).toEqual([[['a', 'b', 'c'], undefined]])
})

test('two who want one key at once share a single read', async () => {
  const { ask, calls } = createReads()
  await env.KV.put('a', '1')
  const [first, second] = await Promise.all([ask('a'), ask('a')])
  expect([first?.text, second?.text]).toEqual(['1', '1'])
  expect(calls).toEqual([['a', undefined]])
})

test('who asks while a call is under way is in the next', async () => {
  const { ask, calls } = createReads()
  const first = ask('a')
  await Promise.resolve()
  await Promise.all([first, ask('a')])
  expect(calls).toHaveLength(2)
})

test('a call takes no more than 100 keys', async () => {
  const { ask, calls } = createReads()
  const keys = Array.from({ length: 201 }, (_, index) => `k${index}`)
  await Promise.all([...keys, ...keys.slice(150)].map(ask))
  expect(calls.map(([asked]) => (asked as string[]).length)).toEqual([100, 100, 51])
})

test('keys that KV would refuse are digested, alone and together', async () => {
  const { ask, calls } = createReads()
  const long = 'k'.repeat(600)
  expect(await ask(long)).toBe(null)
  expect(await Promise.all([ask(long), ask('a')])).toEqual([null, null])
  const [alone, together] = calls.map(([asked]) => asked)
  expect(alone).toMatch(/^k{468}~[\w-]{43}$/)
  expect(together).toEqual([alone, 'a'])
})

test('options go with every call', async () => {
  const read = { cacheTtl: 300 }
  const { ask, calls } = createReads({ read })
  await ask('a')
  await Promise.all(['a', 'b'].map(ask))
  expect(calls.map(([, given]) => given)).toEqual([read, read])
})

test('a call that fails fails for everybody in it, and for nobody after', async () => {
  const options = { fails: true }
  const { ask } = createReads(options)
  const failure = { name: 'KVError', code: 'unavailable', operation: 'read' }
  await expect(ask('a')).rejects.toMatchObject(failure)
  const together = [ask('a'), ask('b')]
  for (const one of together) await expect(one).rejects.toMatchObject(failure)
  options.fails = false
  expect(await ask('a')).toBe(null)
})
