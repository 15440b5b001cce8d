import { expect, test, vi } from 'vitest'
import { untilAborted } from './until-aborted.ts'

test('ends the wait with the reason of the signal, and what was waited for goes on', async () => {
  const gate = Promise.withResolvers<string>()
  const controller = new AbortController()
  const waiting = untilAborted(gate.promise, controller.signal)
  controller.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  await expect(untilAborted(gate.promise, controller.signal)).rejects.toThrow('gone')
  const other = untilAborted(gate.promise, new AbortController().signal)
  gate.resolve('late')
  expect(await other).toBe('late')
})

test('passes on a failure, and lets go of the signal', async () => {
  const { signal } = new AbortController()
  const removed = vi.spyOn(signal, 'removeEventListener')
  await expect(untilAborted(Promise.reject(new Error('down')), signal)).rejects.toThrow('down')
  await Promise.resolve()
  expect(removed).toHaveBeenCalledTimes(1)
})
