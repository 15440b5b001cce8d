import { assertKV } from '../kv/assert-kv.ts'
import { type KVEntry, toExpirationTtlSeconds } from '../kv/kv-entry.ts'
import { toKVError } from '../kv/kv-error.ts'
import { createKeyRecords, type KeyRecords, type KeyWriteTries } from '../kv/key-records.ts'
import { checkNumber } from '../shared/check-number.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { createSingleFlights, type SingleFlights } from '../shared/single-flight.ts'
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

/** A write of one entry, checked and ready. What is not its key and text is noted in its metadata. */
export interface EntryPut {
  readonly key: string
  readonly text: string
  readonly expiresAtMs: number
  /** When its load began, or it was put. */
  readonly loadedAtMs: number
  readonly [control: string]: unknown
}

/**
 * @returns The key's name in KV.
 * @throws {RangeError} At the call, so that it reaches the caller and is not taken for a failure of KV.
 */
export type ToName = (key: string) => string | Promise<string>

/** Reads a key. @throws {KVError} When KV fails. */
export type ReadKey = (key: string) => Promise<KVEntry | null>

export type ReadStore = Pick<CacheCore, 'kv' | 'now'>

type Tries = Omit<KeyWriteTries, 'operation'>

/** What the parts of one cache share in an isolate, and the one way in which they read and write KV. */
export interface CacheCore extends SingleFlights {
  readonly kv: KVNamespace
  readonly now: () => number
  readonly timers: Timers
  readonly report: EventReporter
  readonly records: KeyRecords
  /** @throws {KVError} When KV fails. */
  readonly read: ReadKey
  /**
   * @returns Whether it was sent: `false` where a newer write took its place.
   * @throws {KVError} When KV fails.
   */
  write(put: EntryPut, tries?: Tries): Promise<boolean>
  /**
   * Has nothing served that was loaded before, and writes an entry, in the background as far as it has to wait and may. A
   * failure of KV is reported and does not reject.
   *
   * @throws {RangeError} When the key has no name in KV.
   */
  put(put: EntryPut): Promise<void>
  /**
   * Stores what was loaded, unless its key was invalidated meanwhile, also while KV was writing. Never rejects.
   *
   * It never waits for its second and is not tried again when KV refuses it: what was written within that second is as
   * new, and a second later what was loaded may have been ended by another isolate.
   */
  fill(put: EntryPut): Promise<void>
  /** Deletes an entry, and has nothing served that was loaded before. @throws {KVError} When KV fails. */
  forget(key: string): Promise<void>
  /** @returns What to do with an error of the store that must not reach the caller. */
  reporting(operation: 'get' | 'set' | 'delete', key: string): (error: unknown) => undefined
  /**
   * Keeps work alive when the client whose request began it disconnects.
   *
   * @returns The end of the work where that cannot be, for who has to wait for it. It never rejects.
   */
  anchor(work: Promise<unknown>): Promise<unknown> | undefined
}

export function createCore(
  kv: KVNamespace,
  { now = Date.now, timers = globalThis, takeoverMs = 1000, waitUntil, onEvent }: KVCacheOptions,
  toName: ToName,
  createRead: (store: ReadStore) => ReadKey,
): CacheCore {
  assertKV('create cache', kv)
  checkNumber('create cache: takeoverMs', takeoverMs, { min: 1 })
  const report = createReporter(onEvent)
  const records = createKeyRecords({ now, timers })
  const flights = createSingleFlights({ takeoverMs, timers })

  const write: CacheCore['write'] = ({ key, text, ...control }, tries) => {
    const name = toName(key)
    const send = async (): Promise<void> =>
      kv.put(await name, text, {
        metadata: { codex: 1, ...control },
        expirationTtl: toExpirationTtlSeconds(control.expiresAtMs, now()),
      })
    return records.write(key, send, { operation: 'write', ...tries })
  }

  const remove = async (key: string): Promise<void> => {
    const name = await toName(key)
    await records.write(key, () => kv.delete(name), { operation: 'delete', isUrgent: true })
  }

  const reporting: CacheCore['reporting'] = (operation, key) => (cause) => {
    const error = toKVError(operation === 'get' ? 'read' : 'write', cause)
    // The failures that opened the circuit were reported.
    if (error.code === 'circuit_open') return undefined
    report({ type: 'store_error', client: 'cache', operation, key, error })
    return undefined
  }

  const anchor: CacheCore['anchor'] = (work) => {
    const settled = work.catch(() => undefined)
    if (!waitUntil) return settled
    waitUntil(settled)
    return undefined
  }

  /** Writes an entry, and deletes it again where its key was deleted while KV was writing. Never rejects. */
  const writeUndeleted = async (put: EntryPut, tries: Tries): Promise<void> => {
    const { key } = put
    // A write that failed may have been stored all the same.
    const isSent = await write(put, tries).catch(reporting('set', key))
    // It raised the floor before it began, so a deletion that set the floor came later.
    if (isSent === false || !records.of(key).isDeleted) return
    await remove(key).catch(reporting('delete', key))
  }

  return {
    ...flights,
    kv,
    now,
    timers,
    report,
    records,
    read: createRead({ kv, now }),
    write,
    reporting,
    anchor,

    forget(key) {
      records.raise(key, records.nextStamp(), true)
      flights.detach(key)
      return remove(key)
    },

    put(put) {
      records.raise(put.key, put.loadedAtMs)
      flights.detach(put.key)
      return new Promise((resolve, reject) => {
        const onWait = waitUntil && resolve
        void anchor(writeUndeleted(put, { onWait }).then(resolve, reject))
      })
    },

    async fill(put) {
      const { key, loadedAtMs } = put
      if (records.isFenced(key, loadedAtMs) || records.waitMs(key) > 0) return
      await writeUndeleted(put, { isYielding: true })
    },
  }
}
