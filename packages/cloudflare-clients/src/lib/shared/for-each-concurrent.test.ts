import { expect, test } from 'vitest'
import { forEachConcurrent } from './for-each-concurrent.ts'

test('runs every item once and never more than the given number at a time', async () => {
  const seen: number[] = []
  let running = 0
  let mostRunning = 0
  await forEachConcurrent(
    Array.from({ length: 50 }, (_, i) => i),
    4,
    async (item) => {
      mostRunning = Math.max(mostRunning, ++running)
      await new Promise((resolve) => setTimeout(resolve))
      seen.push(item)
      running--
    },
  )
  expect(mostRunning).toBe(4)
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
})

test('carries on past a failure and gives back every error', async () => {
  const done: number[] = []
  const errors = await forEachConcurrent([1, 2, 3, 4], 2, async (item) => {
    await Promise.resolve()
    if (item % 2 === 0) throw new Error(`item ${item}`)
    done.push(item)
  })
  expect(done).toEqual([1, 3])
  expect(errors).toEqual([new Error('item 2'), new Error('item 4')])
})

test('carries on alone past a failure', async () => {
  const tried: number[] = []
  await forEachConcurrent([1, 2, 3], 1, (item) => {
    tried.push(item)
    return Promise.reject(new Error('no'))
  })
  expect(tried).toEqual([1, 2, 3])
})

test('finishes the tasks that have begun before it rejects for its items', async () => {
  let finished = 0
  const items = (async function* () {
    yield* [1, 2]
    await Promise.resolve()
    throw new Error('page lost')
  })()
  const task = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    finished++
  }
  await expect(forEachConcurrent(items, 3, task)).rejects.toThrow('page lost')
  expect(finished).toBe(2)
})

test('rejects when the items themselves fail', async () => {
  const items = (async function* () {
    yield await Promise.resolve(1)
    throw new Error('page lost')
  })()
  await expect(forEachConcurrent(items, 3, () => Promise.resolve())).rejects.toThrow('page lost')
})
