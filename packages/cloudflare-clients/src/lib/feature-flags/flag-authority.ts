import { checkHistoryRequest } from './check-history-request.ts'
import type {
  FlagAuthorityCalls,
  FlagChange,
  FlagChangeRefusal,
  FlagChangeReply,
  FlagChangeRequest,
  FlagChangesRequest,
  FlagFault,
  FlagHistoryRequest,
  FlagRulesetReply,
  FlagTarget,
} from './flag-authority-calls.ts'
import { faultsOfChange, invalid, refuseAt, toInvalid } from './flag-change-faults.ts'
import { draftStep, type FlagDraft, maxHistory } from './flag-draft.ts'
import { referencesOf } from './flag-references.ts'
import {
  type FlagRows,
  sumBytes,
  toBytes,
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

/** Refusals that are known, while the authority lives. */
const maxRefusals = 200
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
 * Changes that come together are one write, and are refused together.
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
    return this.changeAll({ ...request, changes: [request] })
  }

  changeAll({ changes, ...origin }: FlagChangesRequest): FlagChangeReply {
    const requests = changes.map((change) => ({ ...change, ...origin }))
    for (const [index, request] of requests.entries()) {
      const faults = faultsOfChange(request)
      if (faults.length > 0) return refuseAt(index, toInvalid(faults))
    }
    const last = requests.at(-1)
    if (last === undefined) return invalid('changes', 'must have a change')
    const { changeId, target } = last
    const known = this.#accepted.get(changeId) ?? this.#refused.get(changeId)
    if (known !== undefined) {
      return requests.some((request) => toKey(request.target) === toKey(known.target))
        ? known.reply
        : invalid('changeId', 'must be new, received one of another change')
    }
    const version = this.#version
    const reply = this.#decide(requests)
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

  /** Makes all of the changes, or none. */
  #decide(requests: readonly FlagChangeRequest[]): FlagChangeReply {
    const bytes = (this.#bytes ??= sumBytes(this.#rows))
    const atMs = Math.max(this.#options.now(), this.#changedAtMs)
    const draft: FlagDraft = { rows: new Map(this.#rows), version: this.#version, bytes, steps: [] }
    for (const [index, request] of requests.entries()) {
      const refusal = draftStep(draft, request, { index, atMs })
      if (refusal !== undefined) return refuseAt(index, refusal)
    }
    const refusal = this.#judge(draft)
    if (refusal !== undefined) return refusal
    const { steps, rows, version } = draft
    if (steps.length === 0) return { ok: true, version, isUnchanged: true }
    this.#options.storage.save(steps.map(({ write }) => write))
    this.#rows = rows
    this.#version = version
    this.#changedAtMs = atMs
    this.#bytes = draft.bytes
    this.#ruleset = undefined
    return { ok: true, version }
  }

  /** Finds what is wrong with what would be: with a definition that is saved, with one that rests on it, or with all of them. */
  #judge({ rows, steps, bytes }: FlagDraft): FlagChangeRefusal | undefined {
    const known = toKnown(rows)
    const saved = new Set<FlagRow>()
    for (const { index, write } of steps) {
      if (write.saved === null) continue
      const faults = this.#validate(write.saved, known)
      if (faults.length > 0) return refuseAt(index, toInvalid(faults))
      saved.add(write.saved)
    }
    const faultsOfOthers = (changed: readonly FlagTarget[]): readonly FlagFault[] =>
      [...this.#findDependents(rows, changed)].flatMap((row) =>
        saved.has(row) ? [] : this.#newFaultsOf(row, known),
      )
    if (faultsOfOthers(steps.flatMap(({ changed }) => changed)).length > 0) {
      for (const { index, changed } of steps) {
        const faults = faultsOfOthers(changed)
        if (faults.length > 0) return refuseAt(index, toInvalid(faults))
      }
    }
    return bytes > maxRulesetBytes && bytes > (this.#bytes ?? 0)
      ? invalid('', `must leave the ruleset at most ${maxRulesetBytes} bytes as JSON`)
      : undefined
  }

  /** What a definition that nobody changed would get. What it had before is no reason to refuse. */
  #newFaultsOf(row: FlagRow, known: KnownDefinitions): readonly FlagFault[] {
    const now = this.#validate(row, known)
    if (now.length === 0) return now
    const before = this.#validate(row, toKnown(this.#rows)).map(toText)
    const where = `${row.kind}s[${JSON.stringify(row.name)}]`
    return now.flatMap((fault) =>
      before.includes(toText(fault))
        ? []
        : [{ path: `${where}.${fault.path}`, reason: fault.reason }],
    )
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

function toText({ path, reason }: FlagFault): string {
  return `${path} ${reason}`
}
