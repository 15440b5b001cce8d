import { checkHistoryRequest } from './check-history-request.ts'
import type {
  FlagAuthorityCalls,
  FlagChange,
  FlagChangeReply,
  FlagChangeRequest,
  FlagFault,
  FlagHistoryRequest,
  FlagRulesetReply,
  FlagTarget,
} from './flag-authority-calls.ts'
import { checkJson } from './definition-checks.ts'
import { isRecord } from './definition-checks.ts'
import { faultsOfChange } from './flag-change-faults.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import { referencesOf } from './flag-references.ts'
import {
  type FlagRows,
  sumBytes,
  toBytes,
  toEntryBytes,
  toKey,
  toKnown,
  toRecord,
  toStored,
} from './flag-rows.ts'
import type { FlagRuleset, StoredFlag, StoredSegment } from './flag-ruleset.ts'
import type { FlagRow, FlagStorage } from './flag-storage.ts'
import type { KnownDefinitions } from './validate-flag.ts'

/** The calls of an authority as it decides them: without waiting for anything. */
export type SyncFlagAuthorityCalls = {
  [Name in keyof FlagAuthorityCalls]: (
    ...args: Parameters<FlagAuthorityCalls[Name]>
  ) => Awaited<ReturnType<FlagAuthorityCalls[Name]>>
}

type Validate = (name: string, definition: unknown, known: KnownDefinitions) => readonly FlagFault[]

export interface FlagAuthorityOptions {
  readonly storage: FlagStorage
  /** Epoch ms. */
  readonly now: () => number
  readonly validateFlag: Validate
  readonly validateSegment: Validate
}

/** Changes that are known, and recognized when their calls are repeated. */
const maxHistory = 1000
/** Refusals that are known, while the authority lives. */
const maxRefusals = 200
const maxFaults = 50
/** UTF-8 bytes of a ruleset as JSON: below the 25 MiB of a value in KV. */
const maxRulesetBytes = 20_971_520
/** Of one reply, as JSON. An RPC carries 32 MiB. */
const maxHistoryBytes = 8_388_608

interface Decided {
  readonly target: FlagTarget
  readonly reply: FlagChangeReply
}

/**
 * Decides about the flags and segments of one environment: synchronously, by a clock that is handed in. It does nothing by itself.
 *
 * Each accepted change makes the version of the ruleset one higher, and is written, with its place in the history, before it is
 * true: a write that fails changes nothing. Definitions are stored as the JSON they are; what is validated is that. A change that
 * would leave another definition with a fault that it did not have, such as the deletion of a segment in use, is refused.
 *
 * A call that is repeated gets its first reply: of the last 1,000 changes also after a restart, of the last 200 refusals until then.
 */
export class FlagAuthority implements SyncFlagAuthorityCalls {
  readonly #options: FlagAuthorityOptions
  readonly #accepted = new Map<string, Decided>()
  readonly #refused = new Map<string, Decided>()
  readonly #references = new WeakMap<FlagRow, readonly string[]>()
  #rows: FlagRows
  #version: number
  #changedAtMs: number
  #ruleset: FlagRuleset | undefined
  #bytes: number | undefined

  constructor(options: FlagAuthorityOptions) {
    this.#options = options
    const { storage } = options
    const state = storage.loadState()
    this.#version = state?.version ?? 0
    this.#changedAtMs = state?.changedAtMs ?? 0
    this.#rows = new Map(storage.loadRows().map((row) => [toKey(row), row]))
    for (const { changeId, version, target } of storage.loadReceipts()) {
      this.#accepted.set(changeId, { target, reply: { ok: true, version } })
    }
  }

  get version(): number {
    return this.#version
  }

  getRuleset(knownVersion?: number): FlagRulesetReply {
    const version = this.#version
    return knownVersion === version ? { version } : { version, ruleset: this.#toRuleset() }
  }

  change(request: FlagChangeRequest): FlagChangeReply {
    const faults = faultsOfChange(request)
    if (faults.length > 0) return { ok: false, reason: 'invalid', faults }
    const { changeId, target } = request
    const known = this.#accepted.get(changeId) ?? this.#refused.get(changeId)
    if (known !== undefined) {
      return toKey(known.target) === toKey(target)
        ? known.reply
        : invalid('changeId', 'must be new, received one of another change')
    }
    const version = this.#version
    const reply = this.#decide(request)
    const decided = { target, reply }
    if (this.#version > version) remember(this.#accepted, changeId, decided, maxHistory)
    else remember(this.#refused, changeId, decided, maxRefusals)
    return reply
  }

  /** Goes on from a ruleset that somebody else made. Its changes are not in the history. */
  adopt(
    { version, changedAtMs }: Pick<FlagRuleset, 'version' | 'changedAtMs'>,
    rows: FlagRow[],
  ): void {
    this.#options.storage.adopt({ version, changedAtMs }, rows)
    this.#rows = new Map(rows.map((row) => [toKey(row), row]))
    this.#version = version
    this.#changedAtMs = changedAtMs
    this.#bytes = undefined
    this.#ruleset = undefined
  }

  /** Newest first. */
  getHistory(request: FlagHistoryRequest): readonly FlagChange[] {
    checkHistoryRequest(request)
    const { target, beforeVersion, limit = 50 } = request
    const changes: FlagChange[] = []
    let bytes = 0
    const query = { target, beforeVersion, limit: Math.floor(limit) }
    for (const change of this.#options.storage.loadHistory(query)) {
      bytes += toBytes(change)
      if (changes.length > 0 && bytes > maxHistoryBytes) break
      changes.push(change)
    }
    return changes
  }

  #decide(request: FlagChangeRequest): FlagChangeReply {
    const { target, renamedFrom, ifVersion } = request
    const from = renamedFrom === undefined ? target : { kind: target.kind, name: renamedFrom }
    const current = this.#rows.get(toKey(from))
    const currentVersion = current?.version ?? 0
    if (ifVersion !== undefined && ifVersion !== currentVersion) {
      return { ok: false, reason: 'conflict', version: currentVersion }
    }
    if (renamedFrom !== undefined) {
      if (current === undefined) return invalid('renamedFrom', 'must be a flag that there is')
      if (this.#rows.has(toKey(target))) {
        return invalid('target.name', 'must be new, received the name of another flag')
      }
    }
    if (request.next === null) {
      if (current === undefined) return { ok: true, version: this.#version }
      return this.#make(request, { from, current, saved: null })
    }
    const faults: FlagFault[] = []
    if (!checkJson((path, reason) => faults.push({ path, reason }), request.next)) {
      return { ok: false, reason: 'invalid', faults }
    }
    const saved: FlagRow = {
      kind: target.kind,
      name: target.name,
      version: this.#version + 1,
      definition: toStoredDefinition(request.next, target, current),
    }
    return this.#make(request, { from, current, saved })
  }

  /** Makes the change, unless something is wrong with what would be. */
  #make(
    { changeId, target, author, reason, renamedFrom }: FlagChangeRequest,
    {
      from,
      current,
      saved,
    }: { from: FlagTarget; current: FlagRow | undefined; saved: FlagRow | null },
  ): FlagChangeReply {
    const rows = new Map(this.#rows)
    if (saved === null || from !== target) rows.delete(toKey(from))
    if (saved !== null) rows.set(toKey(target), saved)
    const faults = this.#faultsOf(rows, [target, from], saved)
    if (faults.length > 0) {
      return { ok: false, reason: 'invalid', faults: faults.slice(0, maxFaults) }
    }
    const bytesBefore = (this.#bytes ??= sumBytes(this.#rows))
    const bytes =
      bytesBefore - (current ? toEntryBytes(current) : 0) + (saved ? toEntryBytes(saved) : 0)
    if (bytes > maxRulesetBytes && bytes > bytesBefore) {
      return invalid('', `must leave the ruleset at most ${maxRulesetBytes} bytes as JSON`)
    }
    const version = this.#version + 1
    const atMs = Math.max(this.#options.now(), this.#changedAtMs)
    const change: FlagChange = {
      version,
      atMs,
      target: { kind: target.kind, name: target.name },
      author,
      ...(reason !== undefined && { reason }),
      ...(renamedFrom !== undefined && { renamedFrom }),
      before: current?.definition ?? null,
      after: saved?.definition ?? null,
    }
    const deleted = current !== undefined && !rows.has(toKey(from)) ? [from] : []
    const forgetUpToVersion = version - maxHistory
    this.#options.storage.save({ changeId, change, deleted, saved, forgetUpToVersion })
    this.#rows = rows
    this.#version = version
    this.#changedAtMs = atMs
    this.#bytes = bytes
    this.#ruleset = undefined
    return { ok: true, version }
  }

  /** Of the definition itself, and those that others would get by it. What they had before is no reason to refuse. */
  #faultsOf(rows: FlagRows, changed: readonly FlagTarget[], saved: FlagRow | null): FlagFault[] {
    const known = toKnown(rows)
    const faults = saved === null ? [] : [...this.#validate(saved, known)]
    if (faults.length > 0) return faults
    for (const row of this.#findDependents(rows, changed)) {
      if (row === saved) continue
      const now = this.#validate(row, known)
      if (now.length === 0) continue
      const before = this.#validate(row, toKnown(this.#rows)).map(toText)
      const where = `${row.kind}s[${JSON.stringify(row.name)}]`
      for (const fault of now) {
        if (before.includes(toText(fault))) continue
        faults.push({ path: `${where}.${fault.path}`, reason: fault.reason })
      }
    }
    return faults
  }

  /** What rests on the changed ones, directly or through others: a chain may get too long far from where it was changed. */
  #findDependents(rows: FlagRows, changed: readonly FlagTarget[]): ReadonlySet<FlagRow> {
    const dependents = new Set<FlagRow>()
    const names = new Set(changed.map(toKey))
    let size: number
    do {
      size = dependents.size
      for (const row of rows.values()) {
        if (dependents.has(row) || !this.#referencesOf(row).some((key) => names.has(key))) continue
        dependents.add(row)
        names.add(toKey(row))
      }
    } while (dependents.size > size)
    return dependents
  }

  #referencesOf(row: FlagRow): readonly string[] {
    const known = this.#references.get(row) ?? referencesOf(row).map(toKey)
    this.#references.set(row, known)
    return known
  }

  #validate({ kind, name, definition }: FlagRow, known: KnownDefinitions): readonly FlagFault[] {
    const { validateFlag, validateSegment } = this.#options
    return kind === 'flag'
      ? validateFlag(name, definition, known)
      : validateSegment(name, definition, known)
  }

  #toRuleset(): FlagRuleset {
    this.#ruleset ??= {
      format: 1,
      version: this.#version,
      changedAtMs: this.#changedAtMs,
      flags: toRecord(this.#rows, 'flag', toStored) as Record<string, StoredFlag>,
      segments: toRecord(this.#rows, 'segment', toStored) as Record<string, StoredSegment>,
    }
    return this.#ruleset
  }
}

function invalid(path: string, reason: string): FlagChangeReply {
  return { ok: false, reason: 'invalid', faults: [{ path, reason }] }
}

/** The oldest is forgotten first. */
function remember(
  book: Map<string, Decided>,
  changeId: string,
  decided: Decided,
  max: number,
): void {
  book.set(changeId, decided)
  const [oldest] = book.keys()
  if (book.size > max && oldest !== undefined) book.delete(oldest)
}

/**
 * What is validated and stored. The version is the authority's to set. What a flag is spread by is stored with it, so that neither a
 * rename nor another default moves anybody.
 */
function toStoredDefinition(
  next: unknown,
  { kind, name }: FlagTarget,
  current: FlagRow | undefined,
): FlagDefinition | FlagSegment {
  // A copy, which nobody else changes. It is a definition once it was validated, which is before it is used as one.
  const copy: unknown = JSON.parse(JSON.stringify(next))
  if (!isRecord(copy)) return copy as FlagDefinition
  const { version: _, ...definition } = copy as unknown as StoredFlag
  if (kind === 'segment' || 'bucketing' in definition) return definition
  const { bucketing: kept } = (current?.definition ?? {}) as Partial<FlagDefinition>
  // One that was adopted may say nothing, and was spread by the name it had.
  const bucketing = kept ?? { algorithm: 'sha256', version: 1, salt: current?.name ?? name }
  return { ...definition, bucketing }
}

function toText({ path, reason }: FlagFault): string {
  return `${path} ${reason}`
}
