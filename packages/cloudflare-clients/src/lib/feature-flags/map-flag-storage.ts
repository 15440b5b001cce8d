import type { FlagChange, FlagTarget } from './flag-authority-calls.ts'
import type {
  FlagHistoryQuery,
  FlagOutboxRow,
  FlagReceipt,
  FlagRow,
  FlagStateRow,
  FlagStorage,
  FlagWrite,
} from './flag-storage.ts'

/** Rows in maps. */
export class MapFlagStorage implements FlagStorage {
  readonly #rows = new Map<string, FlagRow>()
  /** The oldest first. */
  readonly #history = new Map<number, { readonly changeId: string; readonly change: FlagChange }>()
  #state: FlagStateRow | undefined
  #outbox: FlagOutboxRow | undefined

  loadState(): FlagStateRow | undefined {
    return this.#state
  }

  loadRows(): readonly FlagRow[] {
    return [...this.#rows.values()]
  }

  loadReceipts(): readonly FlagReceipt[] {
    return [...this.#history.values()].map(({ changeId, change: { version, target } }) => ({
      changeId,
      version,
      target,
    }))
  }

  loadHistory({ target, beforeVersion = Infinity, limit }: FlagHistoryQuery): FlagChange[] {
    return [...this.#history.values()]
      .map(({ change }) => change)
      .filter(({ version }) => version < beforeVersion)
      .filter((change) => target === undefined || isAbout(change, target))
      .reverse()
      .slice(0, limit)
  }

  save(writes: readonly FlagWrite[]): void {
    for (const write of writes) this.#save(write)
  }

  #save({ changeId, change, deleted, saved, forgetUpToVersion }: FlagWrite): void {
    for (const target of deleted) this.#rows.delete(toKey(target))
    if (saved !== null) this.#rows.set(toKey(saved), saved)
    this.#history.set(change.version, { changeId, change })
    for (const version of this.#history.keys()) {
      if (version > forgetUpToVersion) break
      this.#history.delete(version)
    }
    this.#state = { version: change.version, changedAtMs: change.atMs }
  }

  adopt(state: FlagStateRow, rows: readonly FlagRow[]): void {
    this.#rows.clear()
    this.#history.clear()
    for (const row of rows) this.#rows.set(toKey(row), row)
    this.#state = state
  }

  loadOutbox(): FlagOutboxRow | undefined {
    return this.#outbox
  }

  saveOutbox(row: FlagOutboxRow): void {
    this.#outbox = row
  }
}

function isAbout({ target, renamedFrom }: FlagChange, { kind, name }: FlagTarget): boolean {
  return target.kind === kind && (target.name === name || renamedFrom === name)
}

function toKey({ kind, name }: FlagTarget): string {
  return `${kind}:${name}`
}
