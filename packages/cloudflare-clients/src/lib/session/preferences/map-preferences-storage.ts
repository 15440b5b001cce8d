import type { PreferencesStorage } from './preferences-authority.ts'

/** Rows in a map. */
export class MapPreferencesStorage implements PreferencesStorage {
  readonly #rows = new Map<string, unknown>()

  get(key: string): unknown {
    return this.#rows.get(key)
  }

  put(key: string, value: unknown): void {
    this.#rows.set(key, value)
  }

  delete(key: string): void {
    this.#rows.delete(key)
  }
}
