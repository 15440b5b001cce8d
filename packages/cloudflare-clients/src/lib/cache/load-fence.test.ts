import { expect, test } from 'vitest'
import { LoadFence } from './load-fence.ts'

test('fences every load of the key that is in flight, and none that begins later', () => {
  const fence = new LoadFence()
  const [first, second, other] = [fence.enter('k'), fence.enter('k'), fence.enter('l')]
  fence.raise('k')
  const later = fence.enter('k')
  expect([first, second, other, later].map(({ fenced }) => fenced)).toEqual([
    true,
    true,
    false,
    false,
  ])
})

test('still fences a load when another one of its key has ended', () => {
  const fence = new LoadFence()
  const [ended, running] = [fence.enter('k'), fence.enter('k')]
  fence.leave('k', ended)
  fence.raise('k')
  expect([ended.fenced, running.fenced]).toEqual([false, true])
})

test('fences what is under a prefix', () => {
  const fence = new LoadFence()
  const [inside, outside] = [fence.enter('a:k'), fence.enter('b:a:k')]
  fence.raiseUnder('a:')
  expect([inside.fenced, outside.fenced]).toEqual([true, false])
})
