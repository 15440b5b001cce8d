import { expect, it, vi } from 'vitest'
import { enterWindow } from './rate-limit-window.ts'

it('goes on at once while enough of the window is left', async () => {
  const log = vi.fn()
  await enterWindow({ windowSeconds: 900, neededSeconds: 20, now: () => 880_000, log })
  expect(log).not.toHaveBeenCalled()
})

it('waits for the next window, and says so, when less is left', async () => {
  vi.useFakeTimers({ now: 880_001 })
  try {
    const lines: string[] = []
    const entered = enterWindow({
      windowSeconds: 900,
      neededSeconds: 20,
      log: (line) => lines.push(line),
    })
    await vi.advanceTimersByTimeAsync(19_999)
    await vi.advanceTimersByTimeAsync(100)
    await entered
    expect(Date.now()).toBeGreaterThanOrEqual(900_000)
    expect(lines).toEqual(["waiting 20 s: the rate limit's window of 900 s is about to end"])
  } finally {
    vi.useRealTimers()
  }
})
