import { DurableObject } from 'cloudflare:workers'
import { createReporter } from '../shared/client-event.ts'
import { adoptPublished } from './adopt-published.ts'
import type {
  FlagChange,
  FlagChangeReply,
  FlagChangeRequest,
  FlagChangesRequest,
  FlagHistoryRequest,
  FlagRulesetReply,
} from './flag-authority-calls.ts'
import { FlagAuthority, type SyncFlagAuthorityCalls } from './flag-authority.ts'
import { FlagPublisher } from './flag-publisher.ts'
import { SqlFlagStorage } from './sql-flag-storage.ts'
import { validateFlag, validateSegment } from './validate-flag.ts'

/** What a Worker that hosts `FlagsObject` is bound to. */
export interface FlagsObjectEnv {
  /** Where rulesets are published to: the namespace that readers are given. */
  readonly FLAGS_KV: KVNamespace
}

/**
 * Decides about the feature flags of one environment, for all isolates, as a Durable Object with SQLite storage. Export it from a Worker
 * that is bound to `FLAGS_KV`, and hand its binding to `FeatureFlags` and `FlagReader`, which its methods are for. Its name is the environment.
 *
 * Each call decides synchronously, so no other call comes between reading and writing, and its reply leaves after what it wrote is stored.
 * An alarm puts the newest ruleset into KV: at once after a change, at most once a second, and again, at the latest 2 minutes later,
 * as long as KV fails. So KV ends up with the newest, whatever comes between. Each failure is a JSON line on `console.warn`.
 *
 * An object that has made no change begins with what KV holds, which somebody may have written without an authority. While KV cannot say
 * what that is, its calls fail. Without `FLAGS_KV`, or reached without a name, it makes no change, because no reader would ever see it.
 *
 * @see https://developers.cloudflare.com/durable-objects/api/alarms/
 */
export class FlagsObject extends DurableObject<FlagsObjectEnv> implements SyncFlagAuthorityCalls {
  readonly #authority: FlagAuthority
  readonly #publisher: FlagPublisher
  #isAlarmKnown = false

  constructor(ctx: DurableObjectState, env: FlagsObjectEnv) {
    super(ctx, env)
    const storage = new SqlFlagStorage(ctx.storage)
    const now = () => Date.now()
    const report = createReporter()
    this.#authority = new FlagAuthority({ storage, now, validateFlag, validateSegment })
    this.#publisher = new FlagPublisher({
      authority: this.#authority,
      storage,
      environment: ctx.id.name,
      kv: env.FLAGS_KV,
      now,
      random: Math.random,
      timers: globalThis,
      report,
    })
    const environment = ctx.id.name
    if (this.#authority.version > 0 || !isKV(env.FLAGS_KV) || environment === undefined) return
    // Before the first call, which waits. Where KV fails, the call does, and the next one asks again.
    const adopt = () =>
      adoptPublished({
        kv: env.FLAGS_KV,
        environment,
        authority: this.#authority,
        publisher: this.#publisher,
        report,
      })
    ctx.blockConcurrencyWhile(adopt).catch(() => undefined)
  }

  getRuleset(knownVersion?: number): FlagRulesetReply {
    this.#ensureAlarm()
    return this.#authority.getRuleset(knownVersion)
  }

  /** @throws {TypeError} Where there is no `FLAGS_KV`, or the object was reached without a name. */
  change(request: FlagChangeRequest): FlagChangeReply {
    return this.#decide(() => this.#authority.change(request))
  }

  /** @throws {TypeError} As `change`. */
  changeAll(request: FlagChangesRequest): FlagChangeReply {
    return this.#decide(() => this.#authority.changeAll(request))
  }
  getHistory(request: FlagHistoryRequest): readonly FlagChange[] {
    this.#ensureAlarm()
    return this.#authority.getHistory(request)
  }

  override async alarm(): Promise<void> {
    await this.#publisher.run()
    await this.#setAlarm()
  }

  #decide(decide: () => FlagChangeReply): FlagChangeReply {
    this.#assertPublishable()
    const { version } = this.#authority
    const reply = decide()
    if (this.#authority.version > version) {
      this.#publisher.noteChange()
      this.ctx.waitUntil(this.#setAlarm())
    } else {
      this.#ensureAlarm()
    }
    return reply
  }

  #assertPublishable(): void {
    if (!isKV(this.env.FLAGS_KV)) {
      throw new TypeError(
        `Cannot change flags: FLAGS_KV must be a KVNamespace, received ${typeof this.env.FLAGS_KV} (is the binding configured in the worker that hosts FlagsObject?)`,
      )
    }
    if (this.ctx.id.name === undefined) {
      throw new TypeError(
        'Cannot change flags: the object must be reached by the name of an environment, received one without a name',
      )
    }
  }

  /** Begun in the turn of a change, so that it is stored together with it. */
  async #setAlarm(): Promise<void> {
    this.#isAlarmKnown = true
    const nextAtMs = this.#publisher.nextAtMs()
    if (nextAtMs !== null) await this.ctx.storage.setAlarm(nextAtMs)
  }

  /** The runtime gives up an alarm that was broken off too often. The next call then brings it back. */
  #ensureAlarm(): void {
    if (this.#isAlarmKnown) return
    this.#isAlarmKnown = true
    if (this.#publisher.nextAtMs() !== null) this.ctx.waitUntil(this.#setLostAlarm())
  }

  async #setLostAlarm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.#setAlarm()
  }
}

/** Whatever its type says, a missing binding is `undefined` at run time. */
function isKV(kv: unknown): kv is KVNamespace {
  return typeof kv === 'object' && kv !== null
}
