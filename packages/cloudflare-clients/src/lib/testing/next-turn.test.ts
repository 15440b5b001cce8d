import { describe, expect, test } from 'vitest'
import { createNextTurn } from './next-turn.ts'

const globals = {
  Response,
  setTimeout: (callback: () => void, delayMs: number): unknown => setTimeout(callback, delayMs),
}

/** A channel whose messages come in a macrotask, as they do in browsers. */
class DelayedChannel {
  readonly port1: { onmessage: (() => void) | null } = { onmessage: null }
  readonly port2 = { postMessage: () => setTimeout(() => this.port1.onmessage?.(), 0) }
}

describe('the next turn comes after every promise', () => {
  test.each([
    ['where it runs', globalThis],
    ['in Node', { ...globals, setImmediate: (callback: () => void) => setTimeout(callback, 0) }],
    ['in a browser', { ...globals, MessageChannel: DelayedChannel }],
    ['where there is only setTimeout', globals],
  ])('%s', async (_, platform) => {
    const nextTurn = createNextTurn(platform)
    let steps = 0
    void (async () => {
      for (; steps < 1000; steps++) await Promise.resolve()
    })()
    await Promise.all([nextTurn(), nextTurn()])
    expect(steps).toBe(1000)
  })

  test('and in workerd also after real timers, sooner or later', async () => {
    const nextTurn = createNextTurn()
    let hasRun = false
    setTimeout(() => {
      hasRun = true
    }, 0)
    for (let turn = 0; turn < 500; turn++) await nextTurn()
    expect(hasRun).toBe(true)
  })
})
