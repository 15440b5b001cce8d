import type { ConfigReleaseInfo } from '../config-document.ts'
import {
  type ConfigOutboxRow,
  type ConfigReceipt,
  type ConfigStateRow,
  type ConfigStorage,
  type ConfigWrite,
  maxKept,
} from './config-storage.ts'

/** No index but the keys, so that each of them is one row written. */
const tables = [
  'CREATE TABLE IF NOT EXISTS releases (version INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, info TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS bodies (sha256 TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS receipts (version INTEGER PRIMARY KEY, change_id TEXT NOT NULL, kind TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS standing (name TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID',
]

/** Rows in an object's SQLite. Its tables are made with the first row: an object that is only asked stores nothing. */
export class SqlConfigStorage implements ConfigStorage {
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

  loadState(): ConfigStateRow | undefined {
    return this.#loadStanding('state') as ConfigStateRow | undefined
  }

  loadReleases({
    beforeVersion = Number.MAX_SAFE_INTEGER,
    limit,
  }: {
    readonly beforeVersion: number | undefined
    readonly limit: number
  }): readonly ConfigReleaseInfo[] {
    if (!this.#hasTables) return []
    return this.#sql
      .exec<{ info: string }>(
        'SELECT info FROM releases WHERE version < ? ORDER BY version DESC LIMIT ?',
        beforeVersion,
        limit,
      )
      .toArray()
      .map(({ info }) => JSON.parse(info) as ConfigReleaseInfo)
  }

  loadRelease(version: number): ConfigReleaseInfo | undefined {
    if (!this.#hasTables) return undefined
    const [found] = this.#sql
      .exec<{ info: string }>('SELECT info FROM releases WHERE version = ?', version)
      .toArray()
    return found && (JSON.parse(found.info) as ConfigReleaseInfo)
  }

  loadBody(sha256: string): string | undefined {
    if (!this.#hasTables) return undefined
    const [found] = this.#sql
      .exec<{ body: string }>('SELECT body FROM bodies WHERE sha256 = ?', sha256)
      .toArray()
    return found?.body
  }

  findReceipt(changeId: string): ConfigReceipt | undefined {
    if (!this.#hasTables) return undefined
    const [found] = this.#sql
      .exec<{
        version: number
        kind: ConfigReceipt['kind']
      }>('SELECT version, kind FROM receipts WHERE change_id = ?', changeId)
      .toArray()
    return found && { changeId, version: found.version, kind: found.kind }
  }

  save({ receipt, state, releases, body }: ConfigWrite): void {
    this.#write(() => {
      for (const release of releases) this.#saveRelease(release)
      if (body !== undefined) this.#saveBody(body.sha256, body.text)
      const { version, changeId, kind } = receipt
      this.#sql.exec('INSERT INTO receipts VALUES (?, ?, ?)', version, changeId, kind)
      this.#sql.exec('DELETE FROM receipts WHERE version <= ?', version - maxKept)
      this.#saveStanding('state', state)
      this.#forget(state)
    })
  }

  adopt(state: ConfigStateRow, releases: readonly ConfigReleaseInfo[]): void {
    this.#write(() => {
      for (const table of ['releases', 'bodies', 'receipts']) this.#sql.exec(`DELETE FROM ${table}`)
      for (const release of releases) this.#saveRelease(release)
      this.#saveStanding('state', state)
    })
  }

  saveBody(sha256: string, text: string): void {
    this.#write(() => {
      this.#saveBody(sha256, text)
    })
  }

  loadOutbox(): ConfigOutboxRow | undefined {
    return this.#loadStanding('outbox') as ConfigOutboxRow | undefined
  }

  saveOutbox(row: ConfigOutboxRow): void {
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

  #saveRelease(release: ConfigReleaseInfo): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO releases VALUES (?, ?, ?)',
      release.version,
      release.sha256,
      JSON.stringify(release),
    )
  }

  #saveBody(sha256: string, text: string): void {
    this.#sql.exec('INSERT OR IGNORE INTO bodies VALUES (?, ?)', sha256, text)
  }

  #forget({ stableVersion, candidate }: ConfigStateRow): void {
    const { rowsWritten } = this.#sql.exec(
      'DELETE FROM releases WHERE version <= (SELECT version FROM releases ORDER BY version DESC LIMIT 1 OFFSET ?) AND version NOT IN (?, ?)',
      maxKept,
      stableVersion,
      candidate?.version ?? stableVersion,
    )
    if (rowsWritten === 0) return
    this.#sql.exec('DELETE FROM bodies WHERE sha256 NOT IN (SELECT sha256 FROM releases)')
  }

  #loadStanding(name: 'state' | 'outbox'): unknown {
    if (!this.#hasTables) return undefined
    const [found] = this.#sql
      .exec<{ row: string }>('SELECT row FROM standing WHERE name = ?', name)
      .toArray()
    return found && JSON.parse(found.row)
  }

  #saveStanding(name: 'state' | 'outbox', row: ConfigStateRow | ConfigOutboxRow): void {
    this.#sql.exec(
      'INSERT INTO standing VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET row = excluded.row',
      name,
      JSON.stringify(row),
    )
  }
}
