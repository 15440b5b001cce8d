import type { CoordinationStorage } from './coordination-storage.ts'

/** Rows in a map. */
export class MemoryStorage implements CoordinationStorage {
  readonly #rows = new Map<string, unknown>()

  get(key: string): unknown {
    return this.#rows.get(key)
  }

  list<T>({ prefix }: { readonly prefix: string }): Iterable<[string, T]> {
    return [...(this.#rows as Map<string, T>)].filter(([key]) => key.startsWith(prefix))
  }

  put(key: string, value: unknown): void {
    this.#rows.set(key, value)
  }

  delete(key: string): boolean {
    return this.#rows.delete(key)
  }
}
