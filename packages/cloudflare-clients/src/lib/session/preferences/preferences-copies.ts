import { deleteKey } from '../../kv/delete-key.ts'
import { toPutOptions } from '../../kv/kv-entry.ts'
import { createKeyRecords, type KeyRecords } from '../../kv/key-records.ts'
import { toKVError } from '../../kv/kv-error.ts'
import { keys } from '../../kv/keys.ts'
import { readEntry } from '../../kv/read-entry.ts'
import { readInTime } from '../../kv/read-in-time.ts'
import type { EventReporter } from '../../shared/client-event.ts'
import type { Timers } from '../../shared/timers.ts'
import { LruMap } from '../lru-map.ts'
import type { PreferencesDocument } from './preferences-authority-calls.ts'

/** A document and when it was confirmed, by the clock of who asked and from before it asked. */
interface ConfirmedDocument {
  readonly version: number
  readonly confirmedAtMs: number
}

export interface PreferencesCopy extends ConfirmedDocument {
  readonly json: string
  /** The turn in which the authority's answer came, as this isolate counts asking and answering. */
  readonly answeredTurn: number
  /** What KV was last known to hold. */
  readonly inKV?: ConfirmedDocument | undefined
}

/** A question to the authority that is under way. */
export interface Ask {
  readonly turn: number
  readonly atMs: number
  readonly known: PreferencesCopy | undefined
}

export interface PreferencesCopiesOptions {
  readonly kv: KVNamespace
  /** How long KV keeps a copy. 0: not at all. */
  readonly cacheMs: number
  readonly memoryEntries: number
  readonly timeoutMs: number
  readonly now: () => number
  readonly timers: Timers
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly report: EventReporter
}

/** The copies of users' documents in this isolate's memory and in KV. A KV that fails is reported, and never fails a call. */
export class PreferencesCopies {
  readonly #options: PreferencesCopiesOptions
  readonly #writes: KeyRecords
  readonly #memory: LruMap<PreferencesCopy>
  #turn = 0

  constructor(options: PreferencesCopiesOptions) {
    this.#options = options
    this.#memory = new LruMap(options.memoryEntries)
    this.#writes = createKeyRecords({ ...options, maxKeys: options.memoryEntries })
  }

  /** @returns The memory's copy, where the authority confirmed it at most `boundMs` ago. */
  recall(userId: string, boundMs: number): PreferencesCopy | undefined {
    const copy = this.#memory.get(userId)
    return copy !== undefined && this.#isWithin(copy, boundMs) ? copy : undefined
  }

  /** @returns KV's copy, where it is as young as that, and no older version than the memory's. */
  async read(userId: string, boundMs: number): Promise<PreferencesCopy | undefined> {
    const { kv, cacheMs, now, timeoutMs, timers } = this.#options
    if (cacheMs === 0) return undefined
    const key = keys.preferences(userId)
    let text: string | undefined
    try {
      const entry = await readInTime(readEntry(kv, key, { now }), { delayMs: timeoutMs, timers })
      text = entry?.text
    } catch (error) {
      this.#reportKV('read', key, error)
    }
    const found = text === undefined ? undefined : this.#parse(key, text)
    const held = this.#memory.get(userId)
    // An older version than this isolate knows is KV lagging behind: with it a writer would not read what they wrote.
    if (found === undefined || found.version < (held?.version ?? 0)) return undefined
    if (!this.#isWithin(found, boundMs)) return undefined
    const answeredTurn = held?.answeredTurn ?? 0
    return this.#hold(userId, { ...found, answeredTurn, inKV: found })
  }

  ask(userId: string): Ask {
    const atMs = this.#options.now()
    return { turn: ++this.#turn, atMs, known: this.#memory.get(userId) }
  }

  /**
   * Keeps what the authority answered. Of two answers where one was asked for after the other came, the later is the newer. Of two
   * that overlap nothing says which was decided first but their versions.
   *
   * @returns The newest that is known by now.
   */
  keep(userId: string, ask: Ask, { version, json }: PreferencesDocument): PreferencesCopy {
    const held = this.#memory.get(userId)
    const isOverlapping = held !== undefined && held.answeredTurn > ask.turn
    if (isOverlapping && held.version > version) return held
    const isSame = isOverlapping && held.version === version
    const copy: PreferencesCopy = {
      version,
      json: json ?? ask.known?.json ?? '{}',
      confirmedAtMs: isSame ? Math.max(held.confirmedAtMs, ask.atMs) : ask.atMs,
      answeredTurn: ++this.#turn,
      inKV: held?.inKV,
    }
    return this.#hold(userId, copy)
  }

  /** Puts a copy into KV in the background, where KV has another version or one that is soon too old. None of an empty document. */
  store(userId: string, copy: PreferencesCopy): void {
    const { kv, cacheMs, waitUntil, now } = this.#options
    const { version, json, confirmedAtMs, inKV } = copy
    if (cacheMs === 0 || json === '{}') return
    if (inKV?.version === version && confirmedAtMs - inKV.confirmedAtMs < cacheMs / 2) return
    const key = keys.preferences(userId)
    const text = `{"version":${version},"confirmedAtMs":${confirmedAtMs},"document":${json}}`
    const send = async (): Promise<void> => {
      // What waited for its turn may be replaced by now, or erased.
      if (this.#memory.get(userId)?.version !== version) return
      const nowMs = now()
      const expiresAtMs = confirmedAtMs + cacheMs
      if (expiresAtMs <= nowMs) return
      await kv.put(key, text, toPutOptions('keep preferences', { expiresAtMs, nowMs }))
    }
    const noteStored = (): void => {
      const held = this.#memory.get(userId)
      if (held?.version !== version) return
      this.#memory.set(userId, { ...held, inKV: { version, confirmedAtMs } })
    }
    const work = this.#writes
      .write(key, send, { operation: 'write' })
      .then(noteStored, (error: unknown) => {
        this.#reportKV('write', key, error)
      })
    waitUntil?.(work)
  }

  /** Takes KV's copy away. */
  async erase(userId: string): Promise<void> {
    const key = keys.preferences(userId)
    try {
      await deleteKey(this.#options.kv, key)
    } catch (error) {
      this.#reportKV('delete', key, error)
    }
  }

  #hold(userId: string, copy: PreferencesCopy): PreferencesCopy {
    this.#memory.set(userId, copy)
    return copy
  }

  /** A stamp that is ahead of this clock says nothing about how old it is. */
  #isWithin({ confirmedAtMs }: ConfirmedDocument, boundMs: number): boolean {
    const ageMs = this.#options.now() - confirmedAtMs
    return ageMs >= 0 && ageMs <= boundMs
  }

  #parse(key: string, text: string): (ConfirmedDocument & { readonly json: string }) | undefined {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      // Reported below, without its cause: that quotes the text.
    }
    const { version, confirmedAtMs, document } = Object(value) as Record<string, unknown>
    const isCopy =
      typeof version === 'number' &&
      typeof confirmedAtMs === 'number' &&
      typeof document === 'object' &&
      document !== null &&
      !Array.isArray(document)
    if (isCopy) return { version, confirmedAtMs, json: JSON.stringify(document) }
    const reason = 'it is no copy of preferences'
    this.#options.report({ type: 'corrupt_value', client: 'preferences', key, reason })
    return undefined
  }

  #reportKV(operation: 'read' | 'write' | 'delete', key: string, cause: unknown): void {
    const error = toKVError(operation, cause)
    this.#options.report({ type: 'store_error', client: 'preferences', operation, key, error })
  }
}
