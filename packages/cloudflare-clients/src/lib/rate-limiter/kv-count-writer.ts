import { toExpirationTtlSeconds } from '../kv/kv-entry.ts'
import { kvCall, type KVError, toKVError } from '../kv/kv-error.ts'
import { keys } from '../kv/keys.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { raceTimer, sleep, type Timers } from '../shared/timers.ts'
import type { KVCount } from './kv-count.ts'
import type { KVWriteLane } from './kv-write-lane.ts'
import type { LimitSubject } from './rate-limit-backend.ts'

const spacingMs = kvLimits.maxWritesPerSecondPerKey * 1000
/** How long a write may be on its way before the next. */
const maxWriteMs = 3000
/** How long a call waits for its own write where there is no `waitUntil`. */
const maxWaitMs = 150
const maxRefusals = 2

/** A count with its place in KV, and with when it is written there. */
export class WrittenCount {
  readonly count: KVCount
  readonly lane: KVWriteLane
  /** When a write that is due will be made. In the past: it was lost with the request that was to make it. */
  dueMs = -Infinity
  /** No write before. */
  notBeforeMs = -Infinity
  wroteAtMs = -Infinity
  /** Whether the window's first refused write was reported. */
  refusalReported = false

  constructor(count: KVCount, lane: KVWriteLane) {
    this.count = count
    this.lane = lane
  }
}

export interface KVCountWriterOptions {
  readonly kv: KVNamespace
  readonly now: () => number
  readonly timers: Timers
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly onError: (subject: LimitSubject, error: KVError) => void
}

/**
 * Writes counts, each at most once a second: at once where a tenth of the limit is not written, else at the next moment of its
 * lane. What is added meanwhile is in the same write.
 */
export class KVCountWriter {
  readonly #options: KVCountWriterOptions

  constructor(options: KVCountWriterOptions) {
    this.#options = options
  }

  /** Sees to it that what is not written will be, under the `waitUntil` of the request that asks for it. */
  schedule(written: WrittenCount, subject: LimitSubject): void {
    const { now, waitUntil } = this.#options
    const { unwritten } = written.count
    if (waitUntil === undefined || unwritten === 0) return
    const nowMs = now()
    const earliestMs = Math.max(nowMs, written.notBeforeMs)
    const isUrgent = unwritten * 10 >= subject.rule.limit
    const dueMs = isUrgent ? earliestMs : written.lane.next(earliestMs)
    if (written.dueMs <= dueMs && nowMs < written.dueMs + maxWriteMs) return
    written.dueMs = dueMs
    waitUntil(this.#writeAt(dueMs, written, subject))
  }

  /** Whether a call that has no `waitUntil` has to write. */
  isDue({ count, notBeforeMs }: WrittenCount): boolean {
    return count.unwritten > 0 && this.#options.now() >= notBeforeMs
  }

  /** Waits for the write, but not for long: then it goes on for as long as the request does. */
  async writeInline(written: WrittenCount, subject: LimitSubject): Promise<void> {
    const { timers } = this.#options
    await raceTimer(this.#write(written, subject), { delayMs: maxWaitMs, timers })
  }

  async #writeAt(dueMs: number, written: WrittenCount, subject: LimitSubject): Promise<void> {
    const { now, timers } = this.#options
    let atMs = dueMs
    for (let refusals = 0; refusals <= maxRefusals; refusals++) {
      for (;;) {
        // Another write may have begun while this one waited.
        const waitMs = Math.max(atMs, written.notBeforeMs) - now()
        if (waitMs <= 0) break
        await sleep(waitMs, timers)
      }
      if (written.count.unwritten === 0) return
      if ((await this.#write(written, subject)) !== 'refused') return
      atMs = written.lane.next(written.notBeforeMs)
      written.dueMs = atMs
    }
  }

  /** Never rejects. */
  async #write(
    written: WrittenCount,
    subject: LimitSubject,
  ): Promise<'written' | 'refused' | 'failed'> {
    const { kv, now, onError } = this.#options
    const { count, lane } = written
    const { slot } = lane
    const { window, resetAt } = count
    const { text, confirm } = count.toStored(slot)
    const nowMs = now()
    written.dueMs = -Infinity
    written.notBeforeMs = nowMs + maxWriteMs
    const name = keys.rateLimitSlot(subject.keyPrefix, subject.identifier, { window, slot })
    // A minute longer than the window, so that KV takes it at the window's end too.
    const expirationTtl = toExpirationTtlSeconds(resetAt + 60_000, nowMs)
    try {
      await kvCall('write', () => kv.put(name, text, { expirationTtl }))
      confirm()
      written.wroteAtMs = now()
      return 'written'
    } catch (error) {
      const kvError = toKVError('write', error)
      const isRefused = kvError.code === 'rate_limited'
      if (isRefused) lane.leave()
      if (!(isRefused && written.refusalReported)) onError(subject, kvError)
      written.refusalReported ||= isRefused
      return isRefused ? 'refused' : 'failed'
    } finally {
      written.notBeforeMs = now() + spacingMs
    }
  }
}
