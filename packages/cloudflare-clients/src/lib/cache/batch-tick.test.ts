import { expect, test } from 'vitest'
import { batchTick } from './batch-tick.ts'

function createBatch(maxKeys: number): {
  ask: (key: string) => Promise<string>
  calls: (readonly string[])[]
} {
  const calls: (readonly string[])[] = []
  const ask = batchTick<string, string>(maxKeys, (keys) => {
    calls.push(keys)
    return Promise.resolve(keys.map((key) => key.toUpperCase()))
  })
  return { ask, calls }
}

test('what is asked for in one tick is one call, each key once', async () => {
  const { ask, calls } = createBatch(100)
  expect(await Promise.all(['a', 'b', 'a'].map(ask))).toEqual(['A', 'B', 'A'])
  expect(calls).toEqual([['a', 'b']])
})

test('the next tick is another call', async () => {
  const { ask, calls } = createBatch(100)
  await ask('a')
  await ask('b')
  expect(calls).toEqual([['a'], ['b']])
})

test('a full call takes no more', async () => {
  const { ask, calls } = createBatch(2)
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(ask))
  expect(calls).toEqual([['a', 'b'], ['c', 'd'], ['e']])
})

test('a call that fails fails for everybody in it, and for nobody after', async () => {
  let isDown = true
  const ask = batchTick<string, string>(100, (keys) => {
    if (isDown) throw new Error('down')
    return Promise.resolve(keys)
  })
  const answers = await Promise.allSettled([ask('a'), ask('b')])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isDown = false
  expect(await ask('a')).toBe('a')
})
