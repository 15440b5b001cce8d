import type { SessionRow, SessionStorage, SessionUserRow } from './session-storage.ts'

/** The row of the user, in the table of its sessions. No session has an empty id. */
const userId = ''

/**
 * Rows in an object's SQLite. One table, without rowid and without an index, so that each change writes one row. It is made with
 * the first row: an object that is only asked stores nothing.
 */
export class SqlSessionStorage implements SessionStorage {
  readonly #sql: SqlStorage
  #hasTable: boolean

  constructor(sql: SqlStorage) {
    this.#sql = sql
    const tables = sql.exec(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sessions'",
    )
    this.#hasTable = tables.toArray().length > 0
  }

  loadUser(): SessionUserRow | undefined {
    const [found] = this.#load<SessionUserRow>('=')
    return found
  }

  saveUser(row: SessionUserRow): void {
    this.#save(userId, row)
  }

  deleteUser(): void {
    this.#delete(userId)
  }

  loadSessions(): readonly SessionRow[] {
    return this.#load<SessionRow>('<>')
  }

  saveSession(row: SessionRow): void {
    this.#save(row.id, row)
  }

  deleteSession(id: string): void {
    this.#delete(id)
  }

  /** The storage was deleted, and the table with it. */
  forgetTable(): void {
    this.#hasTable = false
  }

  #load<Row>(comparison: '=' | '<>'): Row[] {
    if (!this.#hasTable) return []
    return this.#sql
      .exec<{ row: string }>(`SELECT row FROM sessions WHERE id ${comparison} ?`, userId)
      .toArray()
      .map(({ row }) => JSON.parse(row) as Row)
  }

  #save(id: string, row: SessionRow | SessionUserRow): void {
    if (!this.#hasTable) {
      this.#sql.exec(
        'CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID',
      )
      this.#hasTable = true
    }
    this.#sql.exec(
      'INSERT INTO sessions VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET row = excluded.row',
      id,
      JSON.stringify(row),
    )
  }

  #delete(id: string): void {
    if (this.#hasTable) this.#sql.exec('DELETE FROM sessions WHERE id = ?', id)
  }
}
