import { expect, test } from 'vitest'
import { TickBatcher } from './tick-batcher.ts'

function createBatcher(maxKeys: number): {
  batcher: TickBatcher<string, string>
  calls: (readonly string[])[]
} {
  const calls: (readonly string[])[] = []
  const batcher = new TickBatcher<string, string>(maxKeys, (keys) => {
    calls.push(keys)
    return Promise.resolve(new Map(keys.map((key) => [key, key.toUpperCase()])))
  })
  return { batcher, calls }
}

test('what is asked for in one tick is one call, each key once', async () => {
  const { batcher, calls } = createBatcher(100)
  const answers = await Promise.all(['a', 'b', 'a'].map((key) => batcher.ask(key)))
  expect(calls).toEqual([['a', 'b']])
  expect(answers.map((answer) => answer.get('a'))).toEqual(['A', 'A', 'A'])
})

test('the next tick is another call', async () => {
  const { batcher, calls } = createBatcher(100)
  await batcher.ask('a')
  await batcher.ask('b')
  expect(calls).toEqual([['a'], ['b']])
})

test('a full call takes no more', async () => {
  const { batcher, calls } = createBatcher(2)
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => batcher.ask(key)))
  expect(calls).toEqual([['a', 'b'], ['c', 'd'], ['e']])
})

test('a call that fails fails for everybody in it, and for nobody after', async () => {
  let isDown = true
  const batcher = new TickBatcher<string, string>(100, () =>
    isDown ? Promise.reject(new Error('down')) : Promise.resolve(new Map([['a', 'A']])),
  )
  const answers = await Promise.allSettled([batcher.ask('a'), batcher.ask('b')])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isDown = false
  expect(await batcher.ask('a')).toEqual(new Map([['a', 'A']]))
})
