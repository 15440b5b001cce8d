import { DurableObject } from 'cloudflare:workers'
import type {
  ConfigAuthorityCalls,
  ConfigChangeReply,
  ConfigChangeRequest,
  ConfigDocumentReply,
  ConfigHistoryRequest,
} from '../config-authority-calls.ts'
import type { ConfigRelease, ConfigReleaseInfo } from '../config-document.ts'
import type { ConfigNotice } from '../client/notice.ts'
import { adoptPublished } from './adopt-published.ts'
import { ConfigAuthority } from './config-authority.ts'
import { faultOfName } from './config-name-fault.ts'
import { ConfigOutbox } from './config-outbox.ts'
import { type ConfigPublishReporter, createPublishReporter } from './config-publish-event.ts'
import { fetchBody, prepareChange } from './prepare-change.ts'
import { SqlConfigStorage } from './sql-config-storage.ts'

/** What a Worker that hosts `ConfigObject` is bound to. */
export interface ConfigObjectEnv {
  /** Where configurations are published to: the namespace that readers are given. */
  readonly CONFIG_KV: KVNamespace
  /** Where readers are told of each publication that KV took. */
  readonly CONFIG_NOTICES?: Queue<ConfigNotice>
}

/**
 * Decides about the versions of one configuration, for all publishers, as a Durable Object with SQLite storage. Export it from a Worker that is bound
 * to `CONFIG_KV`, and hand its binding to `ConfigPublisher` or `createConfigHandler`. Its name is that of the configuration, which is its key in KV.
 *
 * Each change is decided synchronously, so nothing comes between comparing versions and writing, and its reply leaves after what it wrote is
 * stored. An alarm then puts the newest document into KV: at once, at most once a second, and again, at the latest 2 minutes later, as long
 * as KV fails. A body above 64 KiB is put before, and read back. Readers are told through `CONFIG_NOTICES`, where it is bound, once KV took the document.
 * Each failure is a JSON line on `console.warn`.
 *
 * An object that has made no change begins with what KV holds. While KV cannot say what that is, its calls fail. Without `CONFIG_KV`, or
 * reached without a name, it makes no change, because no reader would ever see it. It keeps 1,000 releases with their bodies.
 *
 * @see https://developers.cloudflare.com/durable-objects/api/alarms/
 */
export class ConfigObject extends DurableObject<ConfigObjectEnv> implements ConfigAuthorityCalls {
  readonly #storage: SqlConfigStorage
  readonly #authority: ConfigAuthority
  readonly #outbox: ConfigOutbox
  #isAlarmKnown = false

  constructor(ctx: DurableObjectState, env: ConfigObjectEnv) {
    super(ctx, env)
    const storage = new SqlConfigStorage(ctx.storage)
    const now = () => Date.now()
    const report = createPublishReporter()
    const { name } = ctx.id
    const authority = new ConfigAuthority({ name: name ?? '', storage, now, isManaged: true })
    this.#storage = storage
    this.#authority = authority
    this.#outbox = new ConfigOutbox({
      authority,
      storage,
      kv: env.CONFIG_KV,
      notices: env.CONFIG_NOTICES,
      now,
      random: Math.random,
      timers: globalThis,
      report,
    })
    if (authority.version > 0 || !isKV(env.CONFIG_KV)) return
    // Nothing can be there, and KV would fail.
    if (name === undefined || faultOfName(name) !== undefined) return
    // Before the first call, which waits. Where KV fails, the call does, and the next one asks again.
    ctx.blockConcurrencyWhile(() => this.#adopt(name, report)).catch(() => undefined)
  }

  getDocument(knownVersion?: number): ConfigDocumentReply {
    this.#ensureAlarm()
    return this.#authority.getDocument(knownVersion)
  }

  /** @throws {TypeError} Where there is no `CONFIG_KV`, or the object was reached without a name, or by one that cannot be published under. */
  async change(request: ConfigChangeRequest): Promise<ConfigChangeReply> {
    this.#assertPublishable()
    const sha256 = await prepareChange(request, this.#places())
    // From here on in one turn.
    const { version } = this.#authority
    const reply = this.#authority.change(request, sha256)
    if (this.#authority.version > version) {
      this.#outbox.noteChange()
      this.ctx.waitUntil(this.#setAlarm())
    } else {
      this.#ensureAlarm()
    }
    return reply
  }

  getHistory(request: ConfigHistoryRequest): readonly ConfigReleaseInfo[] {
    this.#ensureAlarm()
    return this.#authority.getHistory(request)
  }

  async getRelease(version: number): Promise<ConfigRelease | null> {
    if (isKV(this.env.CONFIG_KV)) await fetchBody(version, this.#places())
    return this.#authority.getRelease(version)
  }

  override async alarm(): Promise<void> {
    await this.#outbox.run()
    await this.#setAlarm()
  }

  async #adopt(name: string, report: ConfigPublishReporter): Promise<void> {
    const kv = this.env.CONFIG_KV
    const authority = this.#authority
    await adoptPublished({ kv, text: await kv.get(name), authority, report })
    if (authority.version > 0) this.#outbox.noteAdopted()
  }

  #places(): { storage: SqlConfigStorage; kv: KVNamespace } {
    return { storage: this.#storage, kv: this.env.CONFIG_KV }
  }

  #assertPublishable(): void {
    if (!isKV(this.env.CONFIG_KV)) {
      throw new TypeError(
        `Cannot change configuration: CONFIG_KV must be a KVNamespace, received ${typeof this.env.CONFIG_KV} (is the binding configured in the worker that hosts ConfigObject?)`,
      )
    }
    const { name } = this.ctx.id
    if (name === undefined) {
      throw new TypeError(
        'Cannot change configuration: the object must be reached by the name of a configuration, received one without a name',
      )
    }
    const fault = faultOfName(name)
    if (fault !== undefined) throw new TypeError(`Cannot change configuration: ${fault}`)
  }

  /** Begun in the turn of a change, so that it is stored together with it. */
  async #setAlarm(): Promise<void> {
    this.#isAlarmKnown = true
    const nextAtMs = this.#outbox.nextAtMs()
    if (nextAtMs !== null) await this.ctx.storage.setAlarm(nextAtMs)
  }

  /** The runtime gives up an alarm that was broken off too often. The next call then brings it back. */
  #ensureAlarm(): void {
    if (this.#isAlarmKnown) return
    this.#isAlarmKnown = true
    if (this.#outbox.nextAtMs() !== null) this.ctx.waitUntil(this.#setLostAlarm())
  }

  async #setLostAlarm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.#setAlarm()
  }
}

/** Whatever its type says, a missing binding is `undefined` at run time. */
function isKV(kv: unknown): kv is KVNamespace {
  return typeof kv === 'object' && kv !== null
}
