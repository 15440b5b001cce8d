import { keys } from '../kv/keys.ts'
import { toKVError } from '../kv/kv-error.ts'
import { writeSpacingMs } from '../kv/kv-limits.ts'
import type { EventReporter } from '../shared/client-event.ts'
import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import type { FlagAuthority } from './flag-authority.ts'
import type { FlagOutboxRow, FlagStorage } from './flag-storage.ts'

export interface FlagPublisherOptions {
  readonly authority: Pick<FlagAuthority, 'version' | 'getRuleset'>
  readonly storage: Pick<FlagStorage, 'loadOutbox' | 'saveOutbox'>
  /** Default: what the outbox says. */
  readonly environment: string | undefined
  /** `undefined` where the binding is missing. */
  readonly kv: KVNamespace | undefined
  readonly now: () => number
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number
  readonly timers: Timers
  readonly report: EventReporter
}

/** A put that is not answered by then has failed. It may carry 20 MiB. */
const maxPutMs = 30_000
/** For how long a put whose end is not known may still change KV. */
const settleMs = 60_000
const minBackoffMs = 1000
const maxBackoffMs = 60_000

/**
 * Puts the newest ruleset of an authority into KV, as an outbox: what is owed is known from storage, so neither a failure nor a
 * restart loses it. It has no timer of its own. Who hosts it calls `run` at `nextAtMs`, again and again until that is `null`.
 *
 * A put carries what is newest when it begins, and the next one begins after it ended, so no older version is put after a newer
 * one. Only a put that failed without a clear answer, or whose object ended during it, may arrive late and set KV back for a while: so the
 * newest is put once more a minute later.
 */
export class FlagPublisher {
  readonly #options: FlagPublisherOptions
  #outbox: FlagOutboxRow
  /** After a failure. A change does not wait for it. */
  #retryAtMs = 0
  #running: Promise<void> | undefined

  constructor(options: FlagPublisherOptions) {
    this.#options = options
    const found = options.storage.loadOutbox()
    this.#outbox = {
      publishedVersion: 0,
      triedAtMs: null,
      isPutting: false,
      failures: 0,
      doubtfulAtMs: null,
      ...found,
      environment: options.environment ?? found?.environment ?? '',
    }
    // It may be on its way still, from the life before this one.
    if (found?.isPutting) {
      this.#outbox = { ...this.#outbox, isPutting: false, doubtfulAtMs: options.now() }
    }
  }

  /** When there is something to do, in whole epoch ms, as an alarm takes it. `null`: KV has the newest, and nothing can set it back. */
  nextAtMs(): number | null {
    const { publishedVersion, doubtfulAtMs } = this.#outbox
    const isBehind = publishedVersion < this.#options.authority.version
    if (!isBehind && doubtfulAtMs === null) return null
    const nowMs = this.#options.now()
    // Not later than a minute from now, because a clock may have gone back.
    const settledAtMs = Math.min(doubtfulAtMs ?? 0, nowMs) + settleMs
    const wantedAtMs = isBehind ? this.#retryAtMs : settledAtMs
    return Math.ceil(Math.max(nowMs, this.#freeAtMs(), wantedAtMs))
  }

  /** There is something newer: to be tried at once, also while KV fails. */
  noteChange(): void {
    this.#retryAtMs = 0
  }

  /** What the authority has came from KV. */
  noteAdopted(): void {
    this.#save({ publishedVersion: this.#options.authority.version })
  }

  /** Does what is due. What fails is reported and is due later. */
  run(): Promise<void> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #runOnce(): Promise<void> {
    const { authority, kv, now, random, report, timers } = this.#options
    const beganAtMs = now()
    if (this.nextAtMs() === null || beganAtMs < this.#freeAtMs()) return
    const { version, ruleset } = authority.getRuleset()
    const key = keys.flags(this.#outbox.environment)
    this.#save({ isPutting: true, triedAtMs: beganAtMs })
    const { doubtfulAtMs, failures } = this.#outbox
    try {
      if (kv === undefined) throw new TypeError('FLAGS_KV must be bound')
      const put = kv.put(key, JSON.stringify(ruleset))
      const ended = await raceTimer(put, { delayMs: maxPutMs, timers })
      if (ended === timedOut) throw new Error(`KV did not answer within ${maxPutMs} ms`)
      const isSettled = doubtfulAtMs !== null && beganAtMs >= doubtfulAtMs + settleMs
      this.#retryAtMs = 0
      this.#save({
        isPutting: false,
        triedAtMs: now(),
        publishedVersion: version,
        failures: 0,
        doubtfulAtMs: isSettled ? null : doubtfulAtMs,
      })
    } catch (cause) {
      const error = toKVError('write', cause)
      const endedAtMs = now()
      const isRefused = error.code === 'rate_limited' || kv === undefined
      const backoffMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** failures)
      this.#retryAtMs = endedAtMs + backoffMs * (1 + random())
      this.#save({
        isPutting: false,
        triedAtMs: endedAtMs,
        failures: failures + 1,
        doubtfulAtMs: isRefused ? doubtfulAtMs : endedAtMs,
      })
      report({ type: 'store_error', client: 'feature-flags', operation: 'write', key, error })
    }
  }

  /** When KV takes another write of the key. */
  #freeAtMs(): number {
    const { triedAtMs } = this.#outbox
    // Where the clock went back, a second is over in any case, or KV says that it is not.
    const isKnown = triedAtMs !== null && triedAtMs <= this.#options.now()
    return isKnown ? triedAtMs + writeSpacingMs : 0
  }

  #save(changes: Partial<FlagOutboxRow>): void {
    const outbox = { ...this.#outbox, ...changes }
    this.#options.storage.saveOutbox(outbox)
    this.#outbox = outbox
  }
}
