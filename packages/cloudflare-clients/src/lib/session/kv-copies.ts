import { isExpired, toPutOptions } from '../kv/kv-entry.ts'
import { type KVOperationName, toKVError } from '../kv/kv-error.ts'
import { writeSpacingMs } from '../kv/kv-limits.ts'
import { keys } from '../kv/keys.ts'
import { readEntry } from '../kv/read-entry.ts'
import { readInTime } from '../kv/read-in-time.ts'
import type { EventReporter } from '../shared/client-event.ts'
import { sleep, type Timers } from '../shared/timers.ts'
import { endOfCopy, parseCopy, type SessionCopy } from './session-copy.ts'

export interface KVCopiesOptions {
  readonly kv: KVNamespace
  readonly now: () => number
  readonly timers: Timers
  readonly timeoutMs: number
  readonly report: EventReporter
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  /** The best copy of a token that is known beside this one. `undefined`: it is refused. */
  readonly best: (tokenHash: string, copy: SessionCopy) => SessionCopy | undefined
}

/** The copies in KV. What it does in the background fails nobody, and is reported. */
export class KVCopies {
  readonly #options: KVCopiesOptions

  constructor(options: KVCopiesOptions) {
    this.#options = options
  }

  /** @returns `undefined` also where KV fails. */
  async read(tokenHash: string): Promise<SessionCopy | undefined> {
    try {
      return await this.load(tokenHash)
    } catch (error) {
      this.#reportError('read', keys.session(tokenHash), error)
      return undefined
    }
  }

  /** @throws {KVError} When KV fails or does not answer in time. */
  async load(tokenHash: string): Promise<SessionCopy | undefined> {
    const { kv, now, timers, timeoutMs, report } = this.#options
    const key = keys.session(tokenHash)
    const entry = await readInTime(readEntry(kv, key, { now }), { delayMs: timeoutMs, timers })
    if (entry === null) return undefined
    const copy = parseCopy(entry.text)
    const reason = 'it is not the copy of a session'
    if (copy === undefined) report({ type: 'corrupt_value', client: 'session', key, reason })
    return copy
  }

  /** Stores a copy in the background. It is not tried again: others do the same, and what is there is not wrong. */
  put(tokenHash: string, copy: SessionCopy): void {
    this.#inBackground('write', tokenHash, () => this.#put(tokenHash, copy))
  }

  /** Stores a copy that takes the place of one with another content, in the background. */
  replace(tokenHash: string, copy: SessionCopy): void {
    this.#inBackground('write', tokenHash, () => this.save(tokenHash, copy))
  }

  delete(tokenHash: string): void {
    this.#inBackground('delete', tokenHash, () => this.remove(tokenHash))
  }

  /** Stores a copy, with one more attempt where KV refuses it for a write just before. */
  save(tokenHash: string, copy: SessionCopy): Promise<void> {
    return this.#twice('write', () => this.#put(tokenHash, copy))
  }

  remove(tokenHash: string): Promise<void> {
    return this.#twice('delete', () => this.#options.kv.delete(keys.session(tokenHash)))
  }

  async #put(tokenHash: string, copy: SessionCopy): Promise<void> {
    const { kv, now, best } = this.#options
    // Of two writes of which the older is tried again, that would be the last.
    const newest = best(tokenHash, copy)
    const nowMs = now()
    if (newest === undefined || isExpired(endOfCopy(newest), nowMs)) return
    const options = toPutOptions('keep session', { expiresAtMs: endOfCopy(newest), nowMs })
    await kv.put(keys.session(tokenHash), JSON.stringify(newest), options)
  }

  async #twice(operation: KVOperationName, write: () => Promise<void>): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (toKVError(operation, error).code !== 'rate_limited') throw error
      await sleep(writeSpacingMs, this.#options.timers)
      await write()
    }
  }

  #inBackground(operation: KVOperationName, tokenHash: string, work: () => Promise<void>): void {
    const reported = work().catch((error: unknown) => {
      this.#reportError(operation, keys.session(tokenHash), error)
    })
    this.#options.waitUntil?.(reported)
  }

  #reportError(operation: KVOperationName, key: string, cause: unknown): void {
    const error = toKVError(operation, cause)
    this.#options.report({ type: 'store_error', client: 'session', operation, key, error })
  }
}
