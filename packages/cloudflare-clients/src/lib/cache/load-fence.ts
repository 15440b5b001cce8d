/** A load in flight. `fenced` turns true when its key is set or deleted, and stays so. */
export interface Loading {
  fenced: boolean
}

/**
 * Keeps a load that began before a set or a delete from writing its older value after it, within one isolate.
 *
 * It holds an entry only while loads of a key are in flight.
 */
export class LoadFence {
  readonly #loading = new Map<string, Set<Loading>>()

  enter(key: string): Loading {
    const loading: Loading = { fenced: false }
    const others = this.#loading.get(key)
    if (others === undefined) this.#loading.set(key, new Set([loading]))
    else others.add(loading)
    return loading
  }

  leave(key: string, loading: Loading): void {
    const loads = this.#loading.get(key)
    loads?.delete(loading)
    if (loads?.size === 0) this.#loading.delete(key)
  }

  raise(key: string): void {
    for (const loading of this.#loading.get(key) ?? []) loading.fenced = true
  }

  raiseUnder(prefix: string): void {
    for (const key of this.#loading.keys()) if (key.startsWith(prefix)) this.raise(key)
  }
}
