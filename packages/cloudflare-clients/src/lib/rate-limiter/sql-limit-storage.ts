import type { LimitRow, LimitStorage } from './limit-row.ts'

/** Rows in an object's SQLite, one for each key. */
export class SqlLimitStorage implements LimitStorage {
  readonly #sql: SqlStorage
  readonly #onSave: (row: LimitRow) => void
  #hasTable: boolean

  constructor(sql: SqlStorage, onSave: (row: LimitRow) => void) {
    this.#sql = sql
    this.#onSave = onSave
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'limits'")
    this.#hasTable = tables.toArray().length > 0
  }

  load(key: string): LimitRow | undefined {
    if (!this.#hasTable) return undefined
    const [found] = this.#sql
      .exec<{ row: string }>('SELECT row FROM limits WHERE key = ?', key)
      .toArray()
    return found && (JSON.parse(found.row) as LimitRow)
  }

  save(key: string, row: LimitRow): void {
    if (!this.#hasTable) {
      // Not before there is something to keep: an object that only denies or is asked stores nothing. Without rowid and
      // without an index, so that a save writes one row.
      this.#sql.exec(
        'CREATE TABLE IF NOT EXISTS limits (key TEXT PRIMARY KEY, idle_at_ms INTEGER NOT NULL, row TEXT NOT NULL) WITHOUT ROWID',
      )
      this.#hasTable = true
    }
    this.#sql.exec(
      'INSERT INTO limits VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET idle_at_ms = excluded.idle_at_ms, row = excluded.row',
      key,
      row.idleAtMs,
      JSON.stringify(row),
    )
    this.#onSave(row)
  }

  delete(key: string): void {
    if (this.#hasTable) this.#sql.exec('DELETE FROM limits WHERE key = ?', key)
  }

  /** Keys whose row says nothing any more, as far as the row knows. */
  idleKeys(nowMs: number): readonly string[] {
    if (!this.#hasTable) return []
    return this.#sql
      .exec<{ key: string }>('SELECT key FROM limits WHERE idle_at_ms <= ?', nowMs)
      .toArray()
      .map(({ key }) => key)
  }

  /** When the next row is idle. `null`: there is none. */
  nextIdleAtMs(): number | null {
    if (!this.#hasTable) return null
    return this.#sql
      .exec<{ atMs: number | null }>('SELECT MIN(idle_at_ms) AS atMs FROM limits')
      .one().atMs
  }

  /** The storage was deleted, and the table with it. */
  forgetTable(): void {
    this.#hasTable = false
  }
}
