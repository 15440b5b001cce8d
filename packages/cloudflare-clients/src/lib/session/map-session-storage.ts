import type { SessionRow, SessionStorage, SessionUserRow } from './session-storage.ts'

/** Rows in a map. */
export class MapSessionStorage implements SessionStorage {
  readonly #sessions = new Map<string, SessionRow>()
  #user: SessionUserRow | undefined

  loadUser(): SessionUserRow | undefined {
    return this.#user
  }

  saveUser(row: SessionUserRow): void {
    this.#user = row
  }

  deleteUser(): void {
    this.#user = undefined
  }

  loadSessions(): readonly SessionRow[] {
    return [...this.#sessions.values()]
  }

  saveSession(row: SessionRow): void {
    this.#sessions.set(row.id, row)
  }

  deleteSession(id: string): void {
    this.#sessions.delete(id)
  }
}
