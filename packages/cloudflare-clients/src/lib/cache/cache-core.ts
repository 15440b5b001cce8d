import { assertKV } from '../kv/assert-kv.ts'
import { type EntryMetadata, type KVEntry, toExpirationTtlSeconds } from '../kv/kv-entry.ts'
import { toKVError } from '../kv/kv-error.ts'
import { KeyRecords, type KeyWriteTries } from '../kv/key-records.ts'
import { isUsableKey, toUsableKey } from '../kv/kv-key.ts'
import { readEntry } from '../kv/read-entry.ts'
import { checkNumber } from '../shared/check-number.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import type { Timers } from '../shared/timers.ts'

export interface KVCacheOptions {
  /** The clock that expiry is decided on, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /**
   * Keeps work alive after its request: pass the one from `cloudflare:workers`. It takes writes out of the request and
   * anchors shared loads, so that they survive when the client whose request began them disconnects. Default: a write
   * is awaited by its caller, and a shared load that died is taken over by a follower.
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
  /** Told of store errors, failed background loads and corrupt values. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /** The timers of all waits. They must move with `now`. Default: the global ones. */
  readonly timers?: Timers
  /**
   * How long a caller waits for another request's load before it loads for itself, twice as long each further time.
   * From 1. Default 1000.
   */
  readonly takeoverMs?: number
}

/** A write of one entry, checked and ready. */
export interface EntryPut {
  readonly key: string
  readonly text: string
  readonly metadata: EntryMetadata & { readonly loadedAtMs: number }
  readonly expirationTtl: number
}

/** @param control What the entry notes beside its expiry. */
export function toEntryPut(
  key: string,
  text: string,
  { nowMs, ...control }: { nowMs: number; expiresAtMs: number; loadedAtMs: number },
): EntryPut {
  const expirationTtl = toExpirationTtlSeconds(control.expiresAtMs, nowMs)
  return { key, text, metadata: { codex: 1, ...control }, expirationTtl }
}

/** What the parts of one cache share in an isolate, and the one way in which they read and write KV. */
export class CacheCore {
  readonly kv: KVNamespace
  readonly now: () => number
  readonly timers: Timers
  readonly waitUntil: KVCacheOptions['waitUntil']
  readonly report: EventReporter
  readonly takeoverMs: number
  readonly records: KeyRecords

  constructor(kv: KVNamespace, options: KVCacheOptions) {
    assertKV('create cache', kv)
    const { now = Date.now, timers = globalThis, takeoverMs = 1000 } = options
    this.kv = kv
    this.now = now
    this.timers = timers
    this.waitUntil = options.waitUntil
    this.report = createReporter(options.onEvent)
    this.takeoverMs = checkNumber('create cache: takeoverMs', takeoverMs, { min: 1 })
    this.records = new KeyRecords({ now, timers })
  }

  /** @throws {KVError} When KV fails. */
  async read(key: string, cacheTtlSeconds?: number): Promise<KVEntry | null> {
    const { kv, now } = this
    const name = isUsableKey(key) ? key : await toUsableKey(key)
    return readEntry(kv, name, { now, cacheTtlSeconds })
  }

  /** Keeps work alive when the client whose request began it disconnects. */
  anchor(work: Promise<unknown>): void {
    this.waitUntil?.(work.catch(() => undefined))
  }

  /**
   * @returns Whether it was sent: `false` where a newer write took its place.
   * @throws {KVError} When KV fails.
   */
  async write(put: EntryPut, tries?: KeyWriteTries): Promise<boolean> {
    const { key, text, metadata, expirationTtl } = put
    const name = await toUsableKey(key)
    const send = (): Promise<void> => this.kv.put(name, text, { metadata, expirationTtl })
    return this.records.write(key, send, { operation: 'write', ...tries })
  }

  /** Writes an entry, in the background as far as it has to wait and may. Never rejects: a failure is reported. */
  put(put: EntryPut): Promise<void> {
    const { waitUntil } = this
    const write = (onWait?: () => void): Promise<void> => this.#writeUndeleted(put, { onWait })
    if (waitUntil === undefined) return write()
    return new Promise((resolve) => {
      waitUntil(write(resolve).then(resolve))
    })
  }

  /**
   * Stores what was loaded, unless its key was invalidated meanwhile, also while KV was writing.
   *
   * It never waits for its second and is not tried again when KV refuses it: what was written within that second is as
   * new, and a second later what was loaded may have been ended by another isolate.
   *
   * @returns What the caller has to await: nothing with `waitUntil`.
   */
  fill(put: EntryPut): Promise<void> | undefined {
    const { records, waitUntil } = this
    const { key } = put
    const { loadedAtMs: stampMs } = put.metadata
    if (records.isFenced(key, stampMs) || records.waitMs(key) > 0) return undefined
    records.raise(key, stampMs)
    const work = this.#writeUndeleted(put, { isYielding: true })
    waitUntil?.(work)
    return waitUntil === undefined ? work : undefined
  }

  /** @throws {KVError} When KV fails. */
  async remove(key: string): Promise<void> {
    const name = await toUsableKey(key)
    const send = (): Promise<void> => this.kv.delete(name)
    await this.records.write(key, send, { operation: 'delete', isUrgent: true })
  }

  /** Writes an entry, and deletes it again where its key was deleted while KV was writing. Never rejects. */
  async #writeUndeleted(put: EntryPut, tries: KeyWriteTries): Promise<void> {
    const { key, metadata } = put
    // A write that failed may have been stored all the same.
    const isSent = await this.write(put, tries).catch(this.reporting('set', key))
    if (isSent === false || !this.records.isDeletedSince(key, metadata.loadedAtMs)) return
    await this.remove(key).catch(this.reporting('delete', key))
  }

  /** @returns What to do with an error of the store that must not reach the caller. */
  reporting(operation: 'get' | 'set' | 'delete', key: string): (error: unknown) => void {
    return (cause) => {
      const error = toKVError(operation === 'get' ? 'read' : 'write', cause)
      // The failures that opened the circuit were reported.
      if (error.code === 'circuit_open') return
      this.report({ type: 'store_error', client: 'cache', operation, key, error })
    }
  }
}
