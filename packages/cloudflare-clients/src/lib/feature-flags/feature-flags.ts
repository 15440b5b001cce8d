import { toBase64Url } from '../shared/base64-url.ts'
import { raceTimer, sleep, timedOut } from '../shared/timers.ts'
import { checkHistoryRequest } from './check-history-request.ts'
import { assertDefinition, assertDefinitions } from './assert-definition.ts'
import { checkVersion } from './check-version.ts'
import type {
  FlagAuthorityCalls,
  FlagChange,
  FlagChangeReply,
  FlagChangesRequest,
  FlagHistoryRequest,
  FlagStep,
  FlagTarget,
} from './flag-authority-calls.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import { FlagError, toFlagError, toUnavailable } from './flag-error.ts'
import { findInHistory } from './flag-in-history.ts'
import type { FlagAuditEvent, FlagReaderOptions, FlagWriteOptions } from './flag-options.ts'
import { FlagReader } from './flag-reader.ts'
import { assertMade, assertNotStrict } from './flag-refusal.ts'
import { cidrOperators } from './cidr-operators.ts'
import { murmur3Bucketing } from './murmur3-bucketing.ts'
import { semverOperators } from './semver-operators.ts'
import type { FlagRuleset, StoredFlag } from './flag-ruleset.ts'
import { KVFlagWriter } from './kv-flag-writer.ts'

export interface FeatureFlagsOptions extends FlagReaderOptions {
  /** Told of each change that was made: the deletion of what is not there is none. What it throws is logged and changes nothing. Default: nobody. */
  readonly onAudit?: (event: FlagAuditEvent) => void
  /** Default `crypto.getRandomValues`. */
  readonly random?: (bytes: Uint8Array) => Uint8Array
}

export interface FlagWriteResult {
  /** Of the ruleset, with the change. */
  readonly version: number
}

export interface FlagImportOptions extends Omit<FlagWriteOptions, 'ifVersion'> {
  /** Written before the flags, which may refer to them. */
  readonly segments?: Readonly<Record<string, FlagSegment>>
  /** What is done with a flag or a segment that is there: `keep` it as it is, or `replace` it. Default `keep`. */
  readonly existing?: 'keep' | 'replace'
}

export interface FlagImportResult extends FlagWriteResult {
  /** Names of the flags that were written. */
  readonly imported: readonly string[]
  /** Names of the flags that were there and were kept. */
  readonly kept: readonly string[]
}

interface AuditedStep extends FlagStep {
  readonly audit: FlagAuditEvent['type']
}

/** A flag that others change all the time is tried so often. The waits between add up to about 20 seconds. */
const maxTries = 40
const maxBackoffMs = 1000

/**
 * Feature flags that are read once and answered from memory, as {@link FlagReader} has it, and that are written here.
 *
 * **With an authority** (`FlagsObject`) a change is decided there, one after the other, so that no two editors lose one; then it is put into KV.
 * This isolate has it when the call returns. Others have it as `FlagReader` says: within the bound for strict flags, and after `freshSeconds` and
 * what KV takes (a minute or more) for the others.
 *
 * **With KV alone** a change is read, made and written. The changes of one isolate come one after the other, a second apart, because KV takes
 * one write a second for a key. Of two isolates that change something at the same time one may lose its change. There is no history, and
 * no strict flag can be written.
 *
 * A definition is checked before it is written: what is wrong with it is in `faults` of a `FlagError` with code `invalid`. A flag keeps what its
 * users are spread by, whatever it is renamed to.
 *
 * Calls that fail with `unavailable` or `no_answer` may have been carried out. None is tried again.
 *
 * @example
 * ```ts
 * import { waitUntil } from 'cloudflare:workers'
 * import { FeatureFlags } from '@codex/cloudflare-clients/feature-flags'
 *
 * const flags = new FeatureFlags(env.FLAGS_KV, { authority: env.FLAGS, waitUntil })
 *
 * await flags.setFlag('new-page', { enabled: true, percentage: 10 }, { author: 'ada', reason: 'first tenth' })
 * await flags.isEnabled('new-page', { userId: 'user-1' }) // true for a tenth of all users, always the same ones
 * ```
 */
export class FeatureFlags extends FlagReader {
  readonly #options: FeatureFlagsOptions
  readonly #kv: KVFlagWriter

  /**
   * @param kv Where rulesets are.
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When an option is out of its range.
   * @throws {FlagError} When the bootstrap is no ruleset.
   */
  constructor(kv: KVNamespace, options: FeatureFlagsOptions = {}) {
    // What can be written can be read here. A reader brings only what it is handed.
    const { operators = [], algorithms = [] } = options
    super(kv, {
      ...options,
      operators: [semverOperators, cidrOperators, ...operators],
      algorithms: [murmur3Bucketing, ...algorithms],
    })
    const { now = Date.now, timers = globalThis } = options
    const { key, held, take, note } = this.loader
    this.#options = options
    this.#kv = new KVFlagWriter({
      kv,
      key,
      now,
      timers,
      held: () => held()?.ruleset,
      onWritten: (ruleset, text) => {
        take(ruleset, text)
        note(now(), false)
      },
    })
  }

  /**
   * Writes a flag, in place of the one there is.
   *
   * A definition without `bucketing` keeps that of the flag, or gets SHA-256 of the user and the flag's name.
   *
   * @throws {TypeError} When the definition is `null` or `undefined`: `deleteFlag` deletes.
   * @throws {FlagError} `invalid` with `faults`, of `name` where that cannot be one, `conflict` where `ifVersion` is not the flag's, `no_authority` for a strict flag without one, and
   * `unavailable`, `overloaded` or `no_answer`.
   */
  async setFlag(
    name: string,
    definition: FlagDefinition,
    options: FlagWriteOptions = {},
  ): Promise<FlagWriteResult> {
    const target = { kind: 'flag', name } as const
    assertDefinition(target, definition)
    return this.#change([{ target, next: definition, audit: 'flag_set' }], options)
  }

  /**
   * Changes a flag by what it is: read, changed and written only if nobody else wrote it meanwhile, and otherwise again, up to 40 times.
   *
   * @param change Gets the flag, or `null` where there is none. It may be called several times. `null` deletes the flag.
   * @throws {FlagError} `conflict` where others wrote it each time. Otherwise as `setFlag`.
   */
  async updateFlag(
    name: string,
    change: (current: StoredFlag | null) => FlagDefinition | null,
    options: Omit<FlagWriteOptions, 'ifVersion'> = {},
  ): Promise<FlagWriteResult> {
    return this.#compareAndSet(options, async () => {
      const { version, flags } = await this.#readRuleset()
      const current = ownOf(flags, name)
      const next = change(current)
      if (next === null && current === null) return { version }
      const audit = next === null ? 'flag_deleted' : 'flag_set'
      const ifVersion = current?.version ?? 0
      return [{ target: { kind: 'flag', name }, next, ifVersion, audit }]
    })
  }

  /**
   * Deletes a flag. One that is not there is no error.
   *
   * @throws {FlagError} `invalid` where other flags depend on it. Otherwise as `setFlag`.
   */
  deleteFlag(name: string, options: FlagWriteOptions = {}): Promise<FlagWriteResult> {
    const target = { kind: 'flag', name } as const
    return this.#change([{ target, next: null, audit: 'flag_deleted' }], options)
  }

  /**
   * Gives a flag another name, in one step. Its users stay where they are.
   *
   * @throws {FlagError} `invalid` where there is no such flag, there is one of the new name, or other flags depend on it. Otherwise as `updateFlag`.
   */
  async renameFlag(
    from: string,
    to: string,
    options: Omit<FlagWriteOptions, 'ifVersion'> = {},
  ): Promise<FlagWriteResult> {
    return this.#compareAndSet(options, async () => {
      const { flags } = await this.#readRuleset()
      const current = ownOf(flags, from)
      if (current === null) {
        throw new FlagError('Cannot rename flag: there is none of this name', {
          code: 'invalid',
          operation: 'rename',
          faults: [{ path: 'from', reason: 'must be a flag that there is' }],
        })
      }
      const target = { kind: 'flag', name: to } as const
      const { version: ifVersion } = current
      return [{ target, next: current, renamedFrom: from, ifVersion, audit: 'flag_renamed' }]
    })
  }

  /** Writes a segment, in place of the one there is. @throws {TypeError} As `setFlag`. @throws {FlagError} As `setFlag`. */
  async setSegment(
    name: string,
    segment: FlagSegment,
    options: FlagWriteOptions = {},
  ): Promise<FlagWriteResult> {
    const target = { kind: 'segment', name } as const
    assertDefinition(target, segment)
    return this.#change([{ target, next: segment, audit: 'segment_set' }], options)
  }

  /** Deletes a segment. One that is not there is no error. @throws {FlagError} `invalid` where flags depend on it. Otherwise as `setFlag`. */
  deleteSegment(name: string, options: FlagWriteOptions = {}): Promise<FlagWriteResult> {
    const target = { kind: 'segment', name } as const
    return this.#change([{ target, next: null, audit: 'segment_deleted' }], options)
  }

  /**
   * What was changed, by whom and why, newest first. The authority keeps the last 1,000 changes.
   *
   * @throws {RangeError} When `limit` is not from 1 to 100, or `beforeVersion` is no whole number from 1.
   * @throws {FlagError} `no_authority` without one; `unavailable`, `overloaded` or `no_answer`.
   */
  async getHistory(request: FlagHistoryRequest = {}): Promise<readonly FlagChange[]> {
    checkHistoryRequest(request)
    return this.#ask('read history of', (calls) => calls.getHistory(request))
  }

  /**
   * Has a flag be again as it was in a version of the ruleset, also where it had another name then, or was not there. This is a new version: the
   * history only grows.
   *
   * @param toVersion From 1. One of the last 1,000, as far as the history goes back, or the one before them.
   * @throws {RangeError} When `toVersion` is no whole number from 1.
   * @throws {FlagError} `invalid` with a fault of `toVersion` where it has not been, or is not in the history any more; `no_authority` without one.
   * Otherwise as `setFlag`.
   */
  async revertFlag(
    name: string,
    toVersion: number,
    options: FlagWriteOptions = {},
  ): Promise<FlagWriteResult> {
    checkVersion(`revert flag ${JSON.stringify(name)}: toVersion`, toVersion)
    if (this.#options.authority === undefined) throw toUnavailable('revert', 'no_authority')
    const { version } = await this.#readRuleset()
    const next = await findInHistory((request) => this.getHistory(request), {
      flag: name,
      toVersion,
      newestVersion: version,
    })
    if (next === undefined) return { version }
    const reason = `to version ${toVersion}`
    const target = { kind: 'flag', name } as const
    return this.#change([{ target, next, audit: 'flag_reverted' }], { reason, ...options })
  }

  /**
   * Writes many flags, such as those of `readLegacyFlags` or `fromFlagd`, in one step: all of them, or, where one is refused, none. Each gets a
   * version of its own. They are judged by what is there in the end, so they may depend on each other in any order.
   *
   * @throws {TypeError} When `flags` or `segments` is no object of definitions by name, such as a list, or a definition is `null` or `undefined`.
   * @throws {FlagError} As `updateFlag`; each fault's path begins with the name of the flag or segment that was refused: `beta.rules[2].when.value`.
   */
  async importFlags(
    flags: Readonly<Record<string, FlagDefinition>>,
    options: FlagImportOptions = {},
  ): Promise<FlagImportResult> {
    const { segments = {}, existing = 'keep', ...rest } = options
    assertDefinitions('flag', flags)
    assertDefinitions('segment', segments)
    let imported: readonly string[] = []
    const { version } = await this.#compareAndSet(
      rest,
      async () => {
        const ruleset = await this.#readRuleset()
        const toSteps = (
          kind: FlagTarget['kind'],
          definitions: Readonly<Record<string, FlagDefinition | FlagSegment>>,
        ): AuditedStep[] =>
          Object.entries(definitions)
            .filter(
              ([name]) =>
                existing === 'replace' || ownOf<unknown>(ruleset[`${kind}s`] ?? {}, name) === null,
            )
            .map(([name, next]) => ({
              target: { kind, name },
              next,
              // Also what comes to be there meanwhile is kept.
              ...(existing === 'keep' && { ifVersion: 0 }),
              audit: `${kind}_set`,
            }))
        const flagSteps = toSteps('flag', flags)
        imported = flagSteps.map(({ target }) => target.name)
        const steps = [...toSteps('segment', segments), ...flagSteps]
        return steps.length === 0 ? { version: ruleset.version } : steps
      },
      { isImport: true },
    )
    const kept = Object.keys(flags).filter((name) => !imported.includes(name))
    return { version, imported, kept }
  }

  /** Reads, decides and writes, until nobody else has written between. */
  async #compareAndSet(
    options: FlagWriteOptions,
    decide: () => Promise<readonly AuditedStep[] | FlagWriteResult>,
    refusal = { isImport: false },
  ): Promise<FlagWriteResult> {
    const { timers = globalThis } = this.#options
    for (let attempt = 1; ; attempt++) {
      const decided = await decide()
      if ('version' in decided) return decided
      try {
        return await this.#change(decided, options, refusal)
      } catch (error) {
        const isConflict = error instanceof FlagError && error.code === 'conflict'
        if (!isConflict || attempt === maxTries) throw error
      }
      const [byte = 0] = this.#random(new Uint8Array(1))
      await sleep((Math.min(maxBackoffMs, 10 * 2 ** attempt) * byte) / 256, timers)
    }
  }

  async #change(
    audited: readonly AuditedStep[],
    { author = 'unknown', reason, ifVersion }: FlagWriteOptions,
    { isImport } = { isImport: false },
  ): Promise<FlagWriteResult> {
    const changes = audited.map(({ audit: _, ...step }) => ({
      ...(ifVersion !== undefined && { ifVersion }),
      ...step,
    }))
    const origin = {
      changeId: toBase64Url(this.#random(new Uint8Array(16))),
      author,
      ...(reason !== undefined && { reason }),
    }
    const reply = await this.#decide({ ...origin, changes })
    assertMade(reply, changes, { isImport })
    const { version, isUnchanged = false } = reply
    for (const [i, step] of isUnchanged ? [] : audited.entries()) {
      // Each of many made a version: an import deletes nothing that may not be there.
      this.#audit(step, { author, reason, version: version - (audited.length - 1 - i) })
    }
    if (this.#options.authority !== undefined) await this.#follow()
    return { version }
  }

  #decide(request: FlagChangesRequest): Promise<FlagChangeReply> {
    const { changes, ...origin } = request
    if (this.#options.authority === undefined) {
      for (const change of changes) assertNotStrict(change)
      return inFlagTerms('change', () => this.#kv.change(request))
    }
    const [first, second] = changes
    return this.#ask('change', (calls) =>
      first !== undefined && second === undefined
        ? calls.change({ ...origin, ...first })
        : calls.changeAll(request),
    )
  }

  /** Has this isolate answer from what it has written. Where the authority does not answer now, the next `ready` asks. */
  async #follow(): Promise<void> {
    try {
      await this.#readRuleset()
    } catch {
      this.clearCache()
    }
  }

  /** The newest there is, from where it is decided. */
  async #readRuleset(): Promise<FlagRuleset> {
    if (this.#options.authority === undefined) {
      return inFlagTerms('read', () => this.#kv.read())
    }
    const { held, take, note } = this.loader
    const { bootstrap, now = Date.now } = this.#options
    const sinceMs = now()
    // The bundle's was never the authority's, whatever its version.
    const known = held()?.ruleset === bootstrap ? undefined : held()?.ruleset
    const reply = await this.#ask('read', (calls) => calls.getRuleset(known?.version))
    const ruleset = reply.ruleset ?? known
    if (ruleset === undefined) throw toUnavailable('read', 'unavailable')
    const { version } = ruleset
    // Where nothing was ever written, what is in the bundle stands.
    const isNews = ruleset !== known && (version > 0 || bootstrap === undefined)
    if (version >= (held()?.ruleset.version ?? 0)) {
      if (isNews) take(ruleset)
      note(sinceMs, true)
    }
    return ruleset
  }

  #ask<T>(operation: string, call: (calls: FlagAuthorityCalls) => T | Promise<T>): Promise<T> {
    const { authority, environment = 'default', timers = globalThis } = this.#options
    const { timeoutMs = 2000 } = this.#options
    return inFlagTerms(operation, async () => {
      if (authority === undefined) throw toUnavailable(operation, 'no_authority')
      const asking = (async () => call(authority.getByName(environment)))()
      const reply = await raceTimer(asking, { delayMs: timeoutMs, timers })
      if (reply === timedOut) throw toUnavailable(operation, 'no_answer')
      return reply
    })
  }

  #audit(
    { audit: type, target: { name } }: AuditedStep,
    about: { readonly author: string; readonly reason: string | undefined; version: number },
  ): void {
    const { onAudit, now = Date.now } = this.#options
    const { reason, ...rest } = about
    try {
      onAudit?.({ type, name, ...rest, ...(reason !== undefined && { reason }), atMs: now() })
    } catch (error) {
      console.error('The onAudit option threw', error)
    }
  }

  #random(bytes: Uint8Array): Uint8Array {
    const { random = fillRandom } = this.#options
    return random(bytes)
  }
}

async function inFlagTerms<T>(operation: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw toFlagError(operation, error)
  }
}

function fillRandom(bytes: Uint8Array): Uint8Array {
  // The types of browsers want to know that no memory is shared.
  crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>)
  return bytes
}

function ownOf<T>(record: Readonly<Record<string, T>>, name: string): T | null {
  return Object.hasOwn(record, name) ? (record[name] ?? null) : null
}
