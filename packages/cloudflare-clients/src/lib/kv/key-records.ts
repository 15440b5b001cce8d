import { sleep, type Timers } from '../shared/timers.ts'
import { type KVOperationName, toKVError } from './kv-error.ts'
import { maxWriteAttempts, maxWriteMs, stampStepMs, writeSpacingMs } from './kv-limits.ts'

interface KeyRecord {
  /** The stamp before which a value is neither served nor stored. */
  floorMs: number
  /** Whether it is a deletion that set the floor. */
  isDeleted?: boolean | undefined
  /** The stamp up to which values that the key ends have ended: its own when it was expired, every one of a tag. */
  endMs?: number
  /** When KV was last asked for `endMs`. */
  checkedAtMs?: number
  /** The write that was asked for last: every older one that still waits gives way to it. */
  latest?: object | undefined
  /** When the next write may start, in epoch ms. */
  nextWriteAtMs: number
  /** Until when the load that is under way counts as alive. */
  loadingUntilMs?: number
  /** How many loads failed, one after the other. */
  failures?: number
  /** When the origin is asked again after a failure. */
  retryAtMs?: number
}

const unknown: Readonly<KeyRecord> = { floorMs: 0, nextWriteAtMs: 0 }

export interface KeyWriteTries {
  readonly operation: KVOperationName
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
export interface KeyRecords {
  readonly byKey: Map<string, KeyRecord>
  /** Has what began to load before the stamp count as fenced, whatever its key. */
  fence(stampMs: number): void
  nextStamp(): number
  /** Has the stamps from now on be later than one that was seen. */
  observe(stampMs: number): void
  /** @returns What is known of the key, to look at. */
  of(key: string): Readonly<KeyRecord>
  /** @returns What is known of the key, to change. It is now the one to be forgotten last. */
  touch(key: string): KeyRecord
  /** Raises the floor of a key. It is never lowered. */
  raise(key: string, stampMs: number, isDeleted?: boolean): void
  /** Whether what began to load at the stamp is older than what is known by now, or may be. */
  isFenced(key: string, stampMs: number): boolean
  /** @returns For how long a write to the key would have to wait now. Not above 0: not at all. */
  waitMs(key: string): number
  /**
   * @returns Whether it was sent. It was not when another write to the key took its place.
   * @throws {KVError} When KV fails, or answers 429 each time.
   */
  write(key: string, send: () => Promise<void>, tries: KeyWriteTries): Promise<boolean>
}

export function createKeyRecords({ now, timers, maxKeys = 10_000 }: KeyRecordsOptions): KeyRecords {
  const byKey = new Map<string, KeyRecord>()
  let lastStampMs = 0
  let fencedUpToMs = 0

  const fence = (stampMs: number): void => {
    fencedUpToMs = Math.max(fencedUpToMs, stampMs)
  }

  const of = (key: string): Readonly<KeyRecord> => byKey.get(key) ?? unknown

  const touch = (key: string): KeyRecord => {
    const record = byKey.get(key) ?? { ...unknown }
    byKey.delete(key)
    byKey.set(key, record)
    if (byKey.size > maxKeys) {
      const [oldest = ''] = byKey.keys()
      fence(of(oldest).floorMs)
      byKey.delete(oldest)
    }
    return record
  }

  const observe = (stampMs: number): void => {
    lastStampMs = Math.max(lastStampMs, stampMs)
  }

  const waitMs = (key: string): number => of(key).nextWriteAtMs - now()

  return {
    byKey,
    fence,
    of,
    touch,
    observe,
    waitMs,
    nextStamp: () => (lastStampMs = Math.max(now(), lastStampMs + stampStepMs)),
    isFenced: (key, stampMs) => stampMs < Math.max(of(key).floorMs, fencedUpToMs),

    raise(key, stampMs, isDeleted) {
      const record = touch(key)
      if (stampMs < record.floorMs) return
      record.floorMs = stampMs
      record.isDeleted = isDeleted
      observe(stampMs)
    },

    async write(key, send, { operation, isUrgent, isYielding, onWait }) {
      const turn = {}
      touch(key).latest = turn
      // The record may be forgotten while the write waits.
      const isLatest = (): boolean => (of(key).latest ?? turn) === turn
      for (let attempt = 1; ; attempt++) {
        while ((!isUrgent || attempt > 1) && waitMs(key) > 0) {
          onWait?.()
          await sleep(Math.min(waitMs(key), writeSpacingMs), timers)
          if (!isLatest()) return false
        }
        const record = touch(key)
        record.latest = turn
        const busyUntilMs = now() + maxWriteMs
        record.nextWriteAtMs = busyUntilMs
        try {
          await send()
          return true
        } catch (cause) {
          const error = toKVError(operation, cause)
          if (error.code !== 'rate_limited' || attempt === maxWriteAttempts) throw error
          if (isYielding || !isLatest()) return false
        } finally {
          // Not where a later write has begun meanwhile.
          if (record.nextWriteAtMs === busyUntilMs) record.nextWriteAtMs = now() + writeSpacingMs
        }
      }
    },
  }
}

/** Deletes what is known under the prefix, and fences every load in flight. Apart, because few caches need it. */
export function deletePrefix(records: KeyRecords, prefix: string): void {
  const stampMs = records.nextStamp()
  for (const key of [...records.byKey.keys()]) {
    if (key.startsWith(prefix)) records.raise(key, stampMs, true)
  }
  records.fence(stampMs)
}
