import { sleep, type Timers } from '../shared/timers.ts'
import { type KVOperationName, toKVError } from './kv-error.ts'
import { writeSpacingMs } from './kv-limits.ts'

/** A double holds epoch milliseconds to about a quarter of this. */
const stampStepMs = 0.001
const maxAttempts = 4
/** How long a write may be under way before the next one no longer waits for it: its request may have died. */
const maxWriteMs = 5000

interface KeyRecord {
  /** The stamp before which a value is neither served nor stored. */
  floorMs: number
  /** Whether it is a deletion that set the floor. */
  isDeleted: boolean
  /** The write that was asked for last: every older one that still waits gives way to it. */
  latest?: object
  /** When the next write may start, in epoch ms. */
  nextWriteAtMs: number
}

export interface KeyWriteTries {
  /** Whether the first attempt is made at once: an invalidation rather meets a 429 than waits. */
  readonly isUrgent?: boolean
  /** Whether it gives way to what KV refuses it for with a 429, and is not tried again. */
  readonly isYielding?: boolean
  /** Told each time when the write has to wait. */
  readonly onWait?: (() => void) | undefined
}

export interface KeyRecordsOptions {
  readonly now: () => number
  readonly timers: Timers
  /** How many keys are remembered. Default 10,000. */
  readonly maxKeys?: number
}

/**
 * What an isolate knows of each key that it dealt with lately, so that it never goes back to an older value and sends
 * its writes so that KV takes them.
 *
 * **Stamps.** Every load, write and invalidation has a time of its own, in epoch ms. The clock of a Worker stands still
 * between I/O, so a load and the invalidation that must fence it may fall into the same millisecond. Stamps only grow,
 * also past those seen in entries that other isolates wrote.
 *
 * **Floors.** A key's floor is raised to the stamp of each value that was seen or written, and by each invalidation. It
 * is the fence for loads in flight, the tombstone behind read-your-writes, and what keeps an isolate from going back.
 *
 * **Writes.** At most one a second for a key, the last one wins, and what KV refuses with a 429 (because another isolate
 * wrote the key) is tried again. Each waits with a timer of its own request, so that none depends on another's living
 * on.
 *
 * **Bound.** Beyond `maxKeys` those dealt with longest ago are forgotten. A load that began before a forgotten floor
 * counts as fenced; a value in the store that is older than a forgotten floor is served again.
 */
export class KeyRecords {
  readonly #options: KeyRecordsOptions
  readonly byKey = new Map<string, KeyRecord>()
  /** What began to load before it counts as fenced, whatever its key. */
  fencedUpToMs = 0
  #lastStampMs = 0

  constructor(options: KeyRecordsOptions) {
    this.#options = options
  }

  nextStamp(): number {
    return (this.#lastStampMs = Math.max(this.#options.now(), this.#lastStampMs + stampStepMs))
  }

  /** Has the stamps from now on be later than one that was seen. */
  observe(stampMs: number): void {
    this.#lastStampMs = Math.max(this.#lastStampMs, stampMs)
  }

  /** @returns The least stamp that may be served for the key, 0 where any may. */
  floorOf(key: string): number {
    return this.byKey.get(key)?.floorMs ?? 0
  }

  /** Whether what began to load at the stamp is older than what is known by now, or may be. */
  isFenced(key: string, stampMs: number): boolean {
    return stampMs < Math.max(this.floorOf(key), this.fencedUpToMs)
  }

  /** Whether the last thing that happened to the key since the stamp is that it was deleted. */
  isDeletedSince(key: string, stampMs: number): boolean {
    return stampMs < this.floorOf(key) && this.byKey.get(key)?.isDeleted === true
  }

  /** Raises the floor of a key. It is never lowered. */
  raise(key: string, stampMs: number, isDeleted = false): void {
    const record = this.#touch(key)
    if (stampMs < record.floorMs) return
    record.floorMs = stampMs
    record.isDeleted = isDeleted
    this.observe(stampMs)
  }

  /** @returns For how long a write to the key would have to wait now. Not above 0: not at all. */
  waitMs(key: string): number {
    return (this.byKey.get(key)?.nextWriteAtMs ?? 0) - this.#options.now()
  }

  /**
   * @returns Whether it was sent. It was not when another write to the key took its place.
   * @throws {KVError} When KV fails, or answers 429 each time.
   */
  async write(
    key: string,
    send: () => Promise<void>,
    {
      operation,
      isUrgent = false,
      isYielding = false,
      onWait,
    }: KeyWriteTries & { readonly operation: KVOperationName },
  ): Promise<boolean> {
    const { now, timers } = this.#options
    const turn = {}
    this.#touch(key).latest = turn
    for (let attempt = 1; ; attempt++) {
      // The record may be forgotten while the write waits.
      const isLatest = (): boolean => (this.byKey.get(key)?.latest ?? turn) === turn
      while ((!isUrgent || attempt > 1) && this.waitMs(key) > 0) {
        onWait?.()
        await sleep(Math.min(this.waitMs(key), writeSpacingMs), timers)
        if (!isLatest()) return false
      }
      const record = this.#touch(key)
      record.latest = turn
      const busyUntilMs = now() + maxWriteMs
      record.nextWriteAtMs = busyUntilMs
      try {
        await send()
        return true
      } catch (cause) {
        const error = toKVError(operation, cause)
        if (error.code !== 'rate_limited' || attempt === maxAttempts) throw error
        if (isYielding || !isLatest()) return false
      } finally {
        // Not where a later write has begun meanwhile.
        if (record.nextWriteAtMs === busyUntilMs) record.nextWriteAtMs = now() + writeSpacingMs
      }
    }
  }

  /** @returns The record, now the one to be forgotten last. */
  #touch(key: string): KeyRecord {
    const records = this.byKey
    const record = records.get(key) ?? { floorMs: 0, isDeleted: false, nextWriteAtMs: 0 }
    records.delete(key)
    records.set(key, record)
    if (records.size <= (this.#options.maxKeys ?? 10_000)) return record
    for (const [oldest, { floorMs }] of records) {
      records.delete(oldest)
      this.fencedUpToMs = Math.max(this.fencedUpToMs, floorMs)
      break
    }
    return record
  }
}

/** Deletes what is known under the prefix, and fences every load in flight. Apart, because few caches need it. */
export function deletePrefix(records: KeyRecords, prefix: string): void {
  const stampMs = records.nextStamp()
  for (const key of [...records.byKey.keys()]) {
    if (key.startsWith(prefix)) records.raise(key, stampMs, true)
  }
  records.fencedUpToMs = stampMs
}
