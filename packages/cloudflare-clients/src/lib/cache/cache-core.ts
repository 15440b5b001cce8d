import { assertKV } from '../kv/assert-kv.ts'
import type { KVEntry } from '../kv/kv-entry.ts'
import { KVError, toKVError } from '../kv/kv-error.ts'
import { readEntry } from '../kv/read-entry.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import { type Duration, toMs } from './duration.ts'
import { KeyFloors } from './key-floors.ts'
import { KeyWriter, type KeyWriteTries } from './key-writer.ts'
import { StampClock } from './stamp-clock.ts'

export interface KVCacheOptions {
  /** The clock that expiry is decided on, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /**
   * Keeps work alive after its request: pass the one from `cloudflare:workers`. It takes writes out of the request and
   * anchors shared loads, so that they survive when the client whose request began them disconnects. Default: a write
   * is awaited by its caller, and a shared load that died is taken over by a follower.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Told of store errors, failed background loads and corrupt values. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /** The timers of the waits below. Default: the global ones. */
  readonly timers?: Timers
  /**
   * How long a caller waits for another request's load before it loads for itself, twice as long each further time.
   * Above 0. Default 1 second.
   */
  readonly takeover?: Duration
  /** How long a read of KV may take before it counts as a store error. Above 0. Default 2 seconds. */
  readonly storeTimeout?: Duration
}

/** A write of one entry, checked and ready. */
export interface EntryPut {
  readonly name: string
  readonly text: string
  readonly options: KVNamespacePutOptions
}

/** What the parts of one cache share in an isolate, and the one way in which they read and write KV. */
export class CacheCore {
  readonly kv: KVNamespace
  readonly now: () => number
  readonly timers: Timers
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly report: EventReporter
  readonly clock: StampClock
  readonly floors = new KeyFloors()
  readonly writer: KeyWriter
  readonly takeoverMs: number
  readonly storeTimeoutMs: number

  constructor(kv: KVNamespace, options: KVCacheOptions) {
    assertKV('create cache', kv)
    const { now = Date.now, timers = globalThis as unknown as Timers } = options
    this.kv = kv
    this.now = now
    this.timers = timers
    this.waitUntil = options.waitUntil
    this.report = createReporter(options.onEvent)
    this.clock = new StampClock(now)
    this.writer = new KeyWriter({ now, timers })
    this.takeoverMs = toMs('create cache: takeover', options.takeover ?? 1, 1)
    this.storeTimeoutMs = toMs('create cache: storeTimeout', options.storeTimeout ?? 2, 1)
  }

  /** @throws {KVError} When KV fails, or does not answer in time. */
  readEntry(name: string): Promise<KVEntry | null> {
    return this.inTime(readEntry(this.kv, name, this))
  }

  /** @throws {KVError} When KV does not answer in time. */
  async inTime<T>(read: Promise<T>): Promise<T> {
    const answer = await raceTimer(read, { delayMs: this.storeTimeoutMs, timers: this.timers })
    if (answer !== timedOut) return answer
    throw new KVError('Cannot read from KV: it did not answer in time', {
      code: 'unavailable',
      operation: 'read',
    })
  }

  /** Writes an entry. Never rejects: a failure is reported. */
  async put({ name, text, options }: EntryPut, tries: KeyWriteTries = {}): Promise<void> {
    const send = (): Promise<void> => this.kv.put(name, text, options)
    try {
      await this.writer.write(name, send, { operation: 'write', ...tries })
    } catch (error) {
      this.reportStoreError('set', name, toKVError('write', error))
    }
  }

  /** @throws {KVError} When KV fails. */
  async remove(name: string): Promise<void> {
    const send = (): Promise<void> => this.kv.delete(name)
    await this.writer.write(name, send, { operation: 'delete', isUrgent: true })
  }

  /**
   * Stores what was loaded, unless its key was invalidated meanwhile, also while KV was writing.
   *
   * @returns What the caller has to await: nothing with `waitUntil`, or where the write has to wait for its second.
   */
  fill(put: EntryPut, stampMs: number): Promise<void> | undefined {
    const { floors, waitUntil, writer } = this
    const { name } = put
    if (floors.isFenced(name, stampMs)) return undefined
    floors.raise(name, stampMs)
    const isSpaced = writer.isSpaced(name)
    const work = this.put(put, waitUntil === undefined ? { maxAttempts: 1 } : {}).then(async () => {
      if (!floors.isDeletedSince(name, stampMs)) return
      await this.remove(name).catch((error: unknown) => {
        this.reportStoreError('delete', name, toKVError('delete', error))
      })
    })
    waitUntil?.(work)
    return waitUntil === undefined && !isSpaced ? work : undefined
  }

  /**
   * @param start Work that never rejects and says when it has to wait.
   * @returns When the work is done or, with `waitUntil`, goes on in the background because it has to wait.
   */
  settle(start: (onWait?: () => void) => Promise<void>): Promise<void> {
    const { waitUntil } = this
    if (waitUntil === undefined) return start()
    return new Promise((resolve) => {
      waitUntil(start(resolve).then(resolve))
    })
  }

  reportStoreError(operation: string, key: string, error: KVError): void {
    this.report({ type: 'store_error', client: 'cache', operation, key, error })
  }
}
