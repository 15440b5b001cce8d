import { checkNumber } from '../../shared/check-number.ts'
import { sha256Base64Url } from '../../shared/sha256.ts'
import type {
  PreferencesDocument,
  PreferencesPatchReply,
  PreferencesPatchRequest,
} from './preferences-authority-calls.ts'
import { findPatchFault, maxPreferencesBytes, maxPreferencesFields } from './preferences-patch.ts'

/** Where the document is kept: the synchronous key-value API of a Durable Object's SQLite, or a map. */
export interface PreferencesStorage {
  get(key: string): unknown
  put(key: string, value: unknown): void
  delete(key: string): unknown
}

/** All that is kept for a user, in one row. */
export interface PreferencesRow {
  /** Grows with each change of the document. */
  readonly version: number
  /** The name of each field, the stamp of the write it has from, and its value as JSON: none where that write removed it. */
  readonly fields: readonly (readonly [name: string, stampMs: number, json?: string])[]
  /** Removals up to this stamp may be forgotten: what was written before brings no field back that is not there. */
  readonly floorMs: number
  /** What tells patches apart, of the last of them: one that comes again changes nothing. */
  readonly receipts: readonly string[]
}

interface Field {
  readonly stampMs: number
  readonly json?: string
}

const rowKey = 'preferences'
const emptyRow: PreferencesRow = { version: 0, fields: [], floorMs: 0, receipts: [] }
/** How long it is remembered that a field was removed, or all of them erased. */
const removedMs = 30 * 86_400_000
/** Beyond it the oldest removals are forgotten sooner, so that removing costs no more room than writing. */
const maxRemovedFields = 100
const maxReceipts = 32
/** 96 bits of a digest. */
const receiptLength = 16

/**
 * Decides what a user's preferences are: synchronous, by a clock that is handed in.
 *
 * A field is what one write wins as a whole. **Of two writes of a field the one with the higher stamp wins, of equal ones the one that
 * arrives later**, so patches may arrive in any order. A removed field keeps its stamp for 30 days (the newest 100 do). After that
 * what was written before the removal is refused wherever the field is not there, and so nothing late brings it back.
 *
 * **A writer's clock that is ahead counts as this clock's now**: otherwise a clock that is a year ahead would own its fields for a
 * year, and no tolerance above 0 is needed, because among patches that are cut to now, the order of arrival is that of the writing as
 * well as anybody knows it. A clock that is behind is believed: to lift an old stamp would let it win over what was written after it.
 *
 * A patch that comes again, with the same fields and the same `writtenAtMs`, changes nothing, also where another was written in between: the
 * last 32 are known.
 */
export class PreferencesAuthority {
  readonly #storage: PreferencesStorage
  readonly #now: () => number
  #row: PreferencesRow | undefined

  constructor(storage: PreferencesStorage, now: () => number) {
    this.#storage = storage
    this.#now = now
  }

  get(knownVersion?: number): PreferencesDocument {
    const { version, fields } = this.#load()
    return version === knownVersion
      ? { version }
      : { version, json: toDocument(new Map(byName(fields))) }
  }

  /**
   * @throws {TypeError} When the fields are none that may be kept.
   * @throws {RangeError} When `writtenAtMs` is no number from 0.
   */
  patch({ fields, writtenAtMs }: PreferencesPatchRequest): PreferencesPatchReply {
    const fault = findPatchFault(fields)
    if (fault !== null) throw new TypeError(`Cannot patch preferences: ${fault}`)
    if (writtenAtMs !== undefined) {
      checkNumber('patch preferences: writtenAtMs', writtenAtMs, { min: 0 })
    }
    const row = this.#load()
    const receipt = toReceipt({ fields, writtenAtMs })
    if (receipt !== undefined && row.receipts.includes(receipt)) return { ok: true, ...this.get() }
    const nowMs = this.#nowOf(row)
    const stampMs = Math.min(writtenAtMs ?? nowMs, nowMs)
    const merged = new Map(byName(row.fields))
    let hasWon = false
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined || stampMs < (merged.get(name)?.stampMs ?? row.floorMs)) continue
      merged.set(name, value === null ? { stampMs } : { stampMs, json: JSON.stringify(value) })
      hasWon = true
    }
    if (!hasWon) return { ok: true, ...this.get() }
    const json = toDocument(merged)
    const refusal = findOverLimit(merged, json)
    if (refusal !== undefined) return refusal
    const isChanged = json !== toDocument(new Map(byName(row.fields)))
    const version = isChanged ? nextVersion(row, nowMs) : row.version
    const { floorMs } = forgetRemoved(merged, row.floorMs, nowMs)
    const receipts = [...row.receipts, ...(receipt === undefined ? [] : [receipt])]
    this.#save({
      version,
      fields: Array.from(merged, ([name, field]) =>
        field.json === undefined ? [name, field.stampMs] : [name, field.stampMs, field.json],
      ),
      floorMs,
      receipts: receipts.slice(-maxReceipts),
    })
    return { ok: true, version, json }
  }

  /** Erases all fields. For 30 days a time and a version are kept, so that nothing that was written before comes back. */
  delete(): PreferencesDocument {
    const row = this.#load()
    const nowMs = this.#nowOf(row)
    const version = nextVersion(row, nowMs)
    this.#save({ ...emptyRow, version, floorMs: nowMs })
    return { version, json: '{}' }
  }

  /** When `deleteIdle` is to be called, in epoch ms. `undefined`: what is kept stays. */
  idleAtMs(): number | undefined {
    const { version, fields, floorMs } = this.#load()
    const isKept = fields.some(([, , json]) => json !== undefined)
    if (isKept || (version === 0 && fields.length === 0)) return undefined
    return Math.max(floorMs, ...fields.map(([, stampMs]) => stampMs)) + removedMs
  }

  /** Deletes the row of a user who has no field and had none for 30 days. Fields are never deleted here. */
  deleteIdle(): void {
    if ((this.idleAtMs() ?? Infinity) > this.#now()) return
    this.#storage.delete(rowKey)
    this.#row = emptyRow
  }

  /** Whether anything is stored, so that the rest of the object's storage is not deleted with it. */
  isStored(): boolean {
    return this.#load() !== emptyRow
  }

  #load(): PreferencesRow {
    return (this.#row ??= (this.#storage.get(rowKey) as PreferencesRow | undefined) ?? emptyRow)
  }

  /** The row in memory only changes when the storage took it. */
  #save(row: PreferencesRow): void {
    this.#storage.put(rowKey, row)
    this.#row = row
  }

  /** Never before a stamp that was given: the next machine's clock may be behind, and a write that counts as of now must win. */
  #nowOf({ fields, floorMs }: PreferencesRow): number {
    return Math.max(this.#now(), floorMs, ...fields.map(([, stampMs]) => stampMs))
  }
}

function* byName(fields: PreferencesRow['fields']): Iterable<[string, Field]> {
  for (const [name, stampMs, json] of fields) {
    yield [name, json === undefined ? { stampMs } : { stampMs, json }]
  }
}

/** The text of the document, in the order of its names, whatever order they were written in. */
function toDocument(fields: ReadonlyMap<string, Field>): string {
  const members: string[] = []
  for (const name of [...fields.keys()].sort()) {
    const json = fields.get(name)?.json
    if (json !== undefined) members.push(`${JSON.stringify(name)}:${json}`)
  }
  return `{${members.join(',')}}`
}

/** By the clock as well, so that no version is given twice where storage was lost or set back. */
function nextVersion({ version }: PreferencesRow, nowMs: number): number {
  return Math.max(version + 1, nowMs)
}

function toReceipt({ fields, writtenAtMs }: PreferencesPatchRequest): string | undefined {
  if (writtenAtMs === undefined) return undefined
  return sha256Base64Url(JSON.stringify([writtenAtMs, fields])).slice(0, receiptLength)
}

function findOverLimit(
  fields: ReadonlyMap<string, Field>,
  json: string,
): PreferencesPatchReply | undefined {
  const count = [...fields.values()].filter((field) => field.json !== undefined).length
  if (count > maxPreferencesFields) {
    return { ok: false, reason: 'too_many_fields', limit: maxPreferencesFields, received: count }
  }
  const bytes = new TextEncoder().encode(json).length
  if (bytes <= maxPreferencesBytes) return undefined
  return { ok: false, reason: 'too_large', limit: maxPreferencesBytes, received: bytes }
}

/** Takes removals out that are over 30 days old, and the oldest of more than 100. */
function forgetRemoved(
  fields: Map<string, Field>,
  floorMs: number,
  nowMs: number,
): { readonly floorMs: number } {
  const removed = [...fields]
    .filter(([, { json }]) => json === undefined)
    .sort(([, a], [, b]) => b.stampMs - a.stampMs)
  for (const [index, [name, { stampMs }]] of removed.entries()) {
    if (index < maxRemovedFields && stampMs > nowMs - removedMs) continue
    fields.delete(name)
    floorMs = Math.max(floorMs, stampMs)
  }
  return { floorMs }
}
