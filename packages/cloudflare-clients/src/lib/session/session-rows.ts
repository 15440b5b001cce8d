import type { SessionRow, SessionStorage } from './session-storage.ts'

/** All rows of a user's sessions, in memory and in a storage: found by id and by the hash of any token. */
export class SessionRows {
  readonly #storage: SessionStorage
  readonly #rows = new Map<string, SessionRow>()
  readonly #idOfHash = new Map<string, string>()

  constructor(storage: SessionStorage) {
    this.#storage = storage
    for (const row of storage.loadSessions()) this.#keep(row)
  }

  get size(): number {
    return this.#rows.size
  }

  all(): readonly SessionRow[] {
    return [...this.#rows.values()]
  }

  get(id: string): SessionRow | undefined {
    return this.#rows.get(id)
  }

  getByHash(hash: string): SessionRow | undefined {
    const id = this.#idOfHash.get(hash)
    return id === undefined ? undefined : this.#rows.get(id)
  }

  /** The storage first: what fails to be written did not happen. */
  save(row: SessionRow): void {
    this.#storage.saveSession(row)
    this.#drop(row.id)
    this.#keep(row)
  }

  delete(id: string): void {
    this.#storage.deleteSession(id)
    this.#drop(id)
  }

  #keep(row: SessionRow): void {
    this.#rows.set(row.id, row)
    for (const hash of hashesOf(row)) this.#idOfHash.set(hash, row.id)
  }

  #drop(id: string): void {
    const row = this.#rows.get(id)
    if (row === undefined) return
    for (const hash of hashesOf(row)) this.#idOfHash.delete(hash)
    this.#rows.delete(id)
  }
}

export function hashesOf(row: SessionRow): readonly string[] {
  return row.record === null ? row.tokenHashes : row.tokens.map(({ hash }) => hash)
}
