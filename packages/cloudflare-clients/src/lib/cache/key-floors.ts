interface Floor {
  readonly stampMs: number
  readonly isDeletion: boolean
}

/**
 * For every key, the stamp before which this isolate neither serves nor stores a value.
 *
 * A floor is raised to the stamp of each value that was seen or written, and by each invalidation. It is the fence for
 * loads in flight, the tombstone behind read-your-writes, and what keeps an isolate from going back to an older value.
 *
 * Bounded: beyond `maxEntries` the floors raised longest ago are forgotten. A load that began before a forgotten floor
 * counts as fenced; a value in the store that is older than a forgotten floor is served again.
 */
export class KeyFloors {
  readonly #maxEntries: number
  readonly #floors = new Map<string, Floor>()
  #forgottenUpToMs = 0
  /** Counts what ended values: what was found valid stays so as long as this does not change. */
  endings = 0

  constructor(maxEntries = 10_000) {
    this.#maxEntries = maxEntries
  }

  /** @returns The least stamp that may be served for the key, 0 where any may. */
  of(key: string): number {
    return this.#floors.get(key)?.stampMs ?? 0
  }

  /** Whether what began to load at the stamp is older than what is known by now, or may be. */
  isFenced(key: string, stampMs: number): boolean {
    return stampMs < Math.max(this.of(key), this.#forgottenUpToMs)
  }

  /** Whether the last thing that happened to the key since the stamp is that it was deleted. */
  isDeletedSince(key: string, stampMs: number): boolean {
    return this.#floors.get(key)?.isDeletion === true && stampMs < this.of(key)
  }

  raise(key: string, stampMs: number, isDeletion = false): void {
    const floors = this.#floors
    const known = floors.get(key)
    floors.delete(key)
    floors.set(key, known && known.stampMs > stampMs ? known : { stampMs, isDeletion })
    if (floors.size <= this.#maxEntries) return
    for (const [oldest, forgotten] of floors) {
      floors.delete(oldest)
      this.#forgottenUpToMs = Math.max(this.#forgottenUpToMs, forgotten.stampMs)
      return
    }
  }

  /** Ends what is known of the key: a newer value takes its place. */
  supersede(key: string, stampMs: number): void {
    this.endings++
    this.raise(key, stampMs)
  }

  delete(key: string, stampMs: number): void {
    this.endings++
    this.raise(key, stampMs, true)
  }

  /** Deletes what is known under the prefix, and fences every load in flight. */
  deletePrefix(prefix: string, stampMs: number): void {
    for (const key of [...this.#floors.keys()])
      if (key.startsWith(prefix)) this.delete(key, stampMs)
    this.endings++
    this.#forgottenUpToMs = stampMs
  }
}
