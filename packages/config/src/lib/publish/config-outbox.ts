import type { Timers } from '@codex/cloudflare-clients'
import type { ConfigNotice } from '../client/notice.ts'
import {
  type ConfigDocument,
  configDocumentLimits,
  type ConfigRelease,
} from '../config-document.ts'
import { toBodyKey } from '../read-config-document.ts'
import type { ConfigAuthority } from './config-authority.ts'
import { readBody } from './config-body.ts'
import type { ConfigPublishEvent, ConfigPublishReporter } from './config-publish-event.ts'
import type { ConfigOutboxRow, ConfigStorage } from './config-storage.ts'
import { settleWithin } from './settle-within.ts'

export interface ConfigOutboxOptions {
  readonly authority: Pick<ConfigAuthority, 'name' | 'version' | 'getDocument'>
  readonly storage: Pick<ConfigStorage, 'loadOutbox' | 'saveOutbox'>
  /** `undefined` where the binding is missing. */
  readonly kv: KVNamespace | undefined
  /** Where readers are told. `undefined`: nowhere. */
  readonly notices: Pick<Queue<ConfigNotice>, 'send'> | undefined
  readonly now: () => number
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number
  readonly timers: Timers
  readonly report: ConfigPublishReporter
}

/** A call that is not answered by then has failed. */
const maxCallMs = 30_000
/** A little over the second in which KV refuses another write to a key. */
const writeSpacingMs = 1100
/** For how long a put whose end is not known may still change KV. */
const settleMs = 60_000
const minBackoffMs = 1000
const maxBackoffMs = 60_000
/** Hashes that are remembered: those are looked for before they are put. One that is forgotten is put once more when it is needed. */
const maxBodies = 100

type Step = Extract<ConfigPublishEvent, { readonly type: 'publish_failed' }>['step']

/**
 * Puts the newest document of an authority into KV and tells readers of it, as an outbox: what is owed is known from storage, so neither a failure
 * nor a restart loses it. It has no timer of its own. Who hosts it calls `run` at `nextAtMs`, again and again until that is `null`.
 *
 * A large body is put first, and read back, so that no document leads to one that KV has not taken. One that KV had is read each time, and
 * put again where it is gone. A put of the document carries what is newest
 * when it begins, and the next one begins after it ended, so no older version is put after a newer one. Only a put that failed without
 * a clear answer, or whose object ended during it, may arrive late and set KV back for a while: so the newest is put once more a minute later.
 */
export class ConfigOutbox {
  readonly #options: ConfigOutboxOptions
  #row: ConfigOutboxRow
  /** After a failure. A change does not wait for it. */
  #retryAtMs = 0
  #running: Promise<void> | undefined

  constructor(options: ConfigOutboxOptions) {
    this.#options = options
    const found = options.storage.loadOutbox()
    this.#row = found ?? {
      publishedVersion: 0,
      noticedVersion: 0,
      triedAtMs: null,
      isPutting: false,
      failures: 0,
      doubtfulAtMs: null,
      bodies: [],
    }
    // It may be on its way still, from the life before this one.
    if (found?.isPutting) {
      this.#row = { ...this.#row, isPutting: false, doubtfulAtMs: options.now() }
    }
  }

  /** When there is something to do, in whole epoch ms, as an alarm takes it. `null`: KV has the newest, nothing can set it back, and readers were told. */
  nextAtMs(): number | null {
    const { doubtfulAtMs } = this.#row
    const isOwed = this.#isBehind() || this.#isNoticeOwed()
    if (!isOwed && doubtfulAtMs === null) return null
    const nowMs = this.#options.now()
    // Not later than a minute from now, because a clock may have gone back.
    const settledAtMs = Math.min(doubtfulAtMs ?? 0, nowMs) + settleMs
    const wantedAtMs = isOwed ? this.#retryAtMs : settledAtMs
    return Math.ceil(Math.max(nowMs, this.#freeAtMs(), wantedAtMs))
  }

  /** There is something newer: to be tried at once, also while KV fails. */
  noteChange(): void {
    this.#retryAtMs = 0
  }

  /** What the authority has came from KV, as it is. */
  noteAdopted(): void {
    const { version } = this.#options.authority
    this.#save({ publishedVersion: version, noticedVersion: version })
  }

  /** Does what is due. What fails is reported and is due later. */
  run(): Promise<void> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #runOnce(): Promise<void> {
    const { authority, now } = this.#options
    if (this.nextAtMs() === null || now() < this.#freeAtMs()) return
    const { version, document } = authority.getDocument()
    let step: Step = 'body'
    try {
      const isSettled = this.#isSettled()
      if (document !== undefined && (this.#isBehind() || isSettled)) {
        await this.#putBodies(document)
        step = 'document'
        await this.#putDocument(document, isSettled)
      }
      step = 'notice'
      await this.#sendNotice()
      this.#retryAtMs = 0
      if (this.#row.failures > 0) this.#save({ failures: 0 })
    } catch (error) {
      this.#noteFailure({ step, error, version })
    }
  }

  async #putBodies({ stable, candidate }: ConfigDocument): Promise<void> {
    const kv = this.#kv()
    for (const release of [stable, ...(candidate ? [candidate.release] : [])]) {
      const { sha256, body } = release
      if (isInline(release) || body === undefined) continue
      // One that was there may be lost or damaged. A new one is not asked for before, because its location would remember the miss.
      const isKnown = this.#row.bodies.includes(sha256)
      if (isKnown && (await this.#within(readBody(kv, sha256))) !== undefined) continue
      await this.#within(kv.put(toBodyKey(sha256), body))
      const found = await this.#within(readBody(kv, sha256))
      if (found === undefined) throw new Error('KV does not have the body yet')
      if (!isKnown) this.#save({ bodies: [...this.#row.bodies, sha256].slice(-maxBodies) })
    }
  }

  async #putDocument(document: ConfigDocument, isSettled: boolean): Promise<void> {
    const { authority, now } = this.#options
    const kv = this.#kv()
    this.#save({ isPutting: true, triedAtMs: now() })
    try {
      await this.#within(kv.put(authority.name, toPublishedText(document)))
    } catch (error) {
      const endedAtMs = now()
      const isRefused = String(error).includes('429')
      const doubtfulAtMs = isRefused ? this.#row.doubtfulAtMs : endedAtMs
      this.#save({ isPutting: false, triedAtMs: endedAtMs, doubtfulAtMs })
      throw error
    }
    const { doubtfulAtMs } = this.#row
    this.#save({
      isPutting: false,
      triedAtMs: now(),
      publishedVersion: document.version,
      doubtfulAtMs: isSettled ? null : doubtfulAtMs,
    })
  }

  async #sendNotice(): Promise<void> {
    const { notices, authority } = this.#options
    const { publishedVersion: version } = this.#row
    if (notices === undefined || !this.#isNoticeOwed()) return
    await this.#within(notices.send({ codexConfig: 1, name: authority.name, version }))
    this.#save({ noticedVersion: version })
  }

  #noteFailure(failure: { step: Step; error: unknown; version: number }): void {
    const { authority, now, random, report } = this.#options
    const { failures } = this.#row
    const backoffMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** failures)
    this.#retryAtMs = now() + backoffMs * (1 + random())
    this.#save({ failures: failures + 1 })
    report({ type: 'publish_failed', name: authority.name, ...failure })
  }

  #kv(): KVNamespace {
    const { kv } = this.#options
    if (kv === undefined) throw new TypeError('CONFIG_KV must be bound')
    return kv
  }

  #within<T>(promise: Promise<T>): Promise<T> {
    return settleWithin(promise, { timeoutMs: maxCallMs, timers: this.#options.timers })
  }

  #isBehind(): boolean {
    const { version } = this.#options.authority
    return this.#row.publishedVersion < version
  }

  #isNoticeOwed(): boolean {
    const { publishedVersion, noticedVersion } = this.#row
    return this.#options.notices !== undefined && noticedVersion < publishedVersion
  }

  #isSettled(): boolean {
    const { doubtfulAtMs } = this.#row
    return doubtfulAtMs !== null && this.#options.now() >= doubtfulAtMs + settleMs
  }

  /** When KV takes another write of the key. */
  #freeAtMs(): number {
    const { triedAtMs } = this.#row
    // Where the clock went back, a second is over in any case, or KV says that it is not.
    const isKnown = triedAtMs !== null && triedAtMs <= this.#options.now()
    return isKnown ? triedAtMs + writeSpacingMs : 0
  }

  #save(changes: Partial<ConfigOutboxRow>): void {
    const row = { ...this.#row, ...changes }
    this.#options.storage.saveOutbox(row)
    this.#row = row
  }
}

/** A document as KV holds it: without its large bodies. */
export function toPublishedText(document: ConfigDocument): string {
  const { candidate } = document
  return JSON.stringify({
    ...document,
    stable: toPublished(document.stable),
    ...(candidate && { candidate: { ...candidate, release: toPublished(candidate.release) } }),
  })
}

function isInline({ bytes }: ConfigRelease): boolean {
  return bytes <= configDocumentLimits.maxInlineBytes
}

function toPublished(release: ConfigRelease): ConfigRelease {
  if (isInline(release)) return release
  const { body: _, ...info } = release
  return info
}
