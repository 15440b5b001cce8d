import type { FlagChange, FlagTarget } from './flag-authority-calls.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import type {
  FlagHistoryQuery,
  FlagOutboxRow,
  FlagReceipt,
  FlagRow,
  FlagStateRow,
  FlagStorage,
  FlagWrite,
} from './flag-storage.ts'

/** Without rowid and without an index but the key, so that each of them is one row written. */
const tables = [
  'CREATE TABLE IF NOT EXISTS definitions (kind TEXT, name TEXT, version INTEGER NOT NULL, definition TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS history (version INTEGER PRIMARY KEY, change_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, renamed_from TEXT, change TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS standing (name TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID',
]

/** Rows in an object's SQLite. Its tables are made with the first row: an object that is only asked stores nothing. */
export class SqlFlagStorage implements FlagStorage {
  readonly #storage: DurableObjectStorage
  readonly #sql: SqlStorage
  #hasTables: boolean

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#sql = storage.sql
    const found = this.#sql.exec(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'standing'",
    )
    this.#hasTables = found.toArray().length > 0
  }

  loadState(): FlagStateRow | undefined {
    return this.#loadStanding('state') as FlagStateRow | undefined
  }

  loadRows(): readonly FlagRow[] {
    if (!this.#hasTables) return []
    const rows: FlagRow[] = []
    const found = this.#sql.exec<{
      kind: FlagTarget['kind']
      name: string
      version: number
      definition: string
    }>('SELECT kind, name, version, definition FROM definitions')
    for (const { kind, name, version, definition } of found) {
      const parsed = JSON.parse(definition) as FlagDefinition | FlagSegment
      rows.push({ kind, name, version, definition: parsed })
    }
    return rows
  }

  loadReceipts(): readonly FlagReceipt[] {
    if (!this.#hasTables) return []
    return this.#sql
      .exec<{ changeId: string; version: number; kind: FlagTarget['kind']; name: string }>(
        'SELECT version, change_id AS changeId, kind, name FROM history ORDER BY version',
      )
      .toArray()
      .map(({ changeId, version, kind, name }) => ({ changeId, version, target: { kind, name } }))
  }

  *loadHistory({
    target,
    beforeVersion = Number.MAX_SAFE_INTEGER,
    limit,
  }: FlagHistoryQuery): Iterable<FlagChange> {
    if (!this.#hasTables) return
    const about = target === undefined ? '' : 'AND kind = ? AND (name = ? OR renamed_from = ?)'
    const found = this.#sql.exec<{ change: string }>(
      `SELECT change FROM history WHERE version < ? ${about} ORDER BY version DESC LIMIT ?`,
      beforeVersion,
      ...(target === undefined ? [] : [target.kind, target.name, target.name]),
      limit,
    )
    for (const { change } of found) yield JSON.parse(change) as FlagChange
  }

  save(writes: readonly FlagWrite[]): void {
    this.#write(() => {
      for (const write of writes) this.#saveChange(write)
      const last = writes.at(-1)
      if (last === undefined) return
      const { version, atMs } = last.change
      this.#sql.exec('DELETE FROM history WHERE version <= ?', last.forgetUpToVersion)
      this.#saveStanding('state', { version, changedAtMs: atMs } satisfies FlagStateRow)
    })
  }

  adopt(state: FlagStateRow, rows: readonly FlagRow[]): void {
    this.#write(() => {
      this.#sql.exec('DELETE FROM definitions')
      this.#sql.exec('DELETE FROM history')
      for (const row of rows) this.#saveRow(row)
      this.#saveStanding('state', state)
    })
  }

  loadOutbox(): FlagOutboxRow | undefined {
    return this.#loadStanding('outbox') as FlagOutboxRow | undefined
  }

  saveOutbox(row: FlagOutboxRow): void {
    this.#write(() => {
      this.#saveStanding('outbox', row)
    })
  }

  /** In one transaction: writes of one turn would be stored also where one of them throws. */
  #write(write: () => void): void {
    this.#storage.transactionSync(() => {
      if (!this.#hasTables) for (const table of tables) this.#sql.exec(table)
      write()
    })
    this.#hasTables = true
  }

  #saveChange({ changeId, change, deleted, saved }: FlagWrite): void {
    const { version, target, renamedFrom } = change
    for (const { kind, name } of deleted) {
      this.#sql.exec('DELETE FROM definitions WHERE kind = ? AND name = ?', kind, name)
    }
    if (saved !== null) this.#saveRow(saved)
    this.#sql.exec(
      'INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)',
      version,
      changeId,
      target.kind,
      target.name,
      renamedFrom ?? null,
      JSON.stringify(change),
    )
  }

  #saveRow({ kind, name, version, definition }: FlagRow): void {
    this.#sql.exec(
      'INSERT INTO definitions VALUES (?, ?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET version = excluded.version, definition = excluded.definition',
      kind,
      name,
      version,
      JSON.stringify(definition),
    )
  }

  #loadStanding(name: 'state' | 'outbox'): unknown {
    if (!this.#hasTables) return undefined
    const [found] = this.#sql
      .exec<{ row: string }>('SELECT row FROM standing WHERE name = ?', name)
      .toArray()
    return found && JSON.parse(found.row)
  }

  #saveStanding(name: 'state' | 'outbox', row: FlagStateRow | FlagOutboxRow): void {
    this.#sql.exec(
      'INSERT INTO standing VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET row = excluded.row',
      name,
      JSON.stringify(row),
    )
  }
}
