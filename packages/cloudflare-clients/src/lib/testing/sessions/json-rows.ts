/** What an authority of sessions stores, as JSON: what is not in its rows is lost by a restart. */
export class JsonRows<UserRow, Row extends { readonly id: string }> {
  readonly #sessions = new Map<string, string>()
  readonly #onWrite: (() => void) | undefined
  #user: string | undefined

  constructor(onWrite?: () => void) {
    this.#onWrite = onWrite
  }

  loadUser(): UserRow | undefined {
    return this.#user === undefined ? undefined : (JSON.parse(this.#user) as UserRow)
  }

  saveUser(row: UserRow): void {
    this.#onWrite?.()
    this.#user = JSON.stringify(row)
  }

  deleteUser(): void {
    this.#onWrite?.()
    this.#user = undefined
  }

  loadSessions(): readonly Row[] {
    return [...this.#sessions.values()].map((text) => JSON.parse(text) as Row)
  }

  saveSession(row: Row): void {
    this.#onWrite?.()
    this.#sessions.set(row.id, JSON.stringify(row))
  }

  deleteSession(id: string): void {
    this.#onWrite?.()
    this.#sessions.delete(id)
  }
}
