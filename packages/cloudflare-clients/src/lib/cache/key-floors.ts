interface Floor {
  readonly stampMs: number
  readonly isDeletion: boolean
}

const noFloor: Floor = { stampMs: 0, isDeletion: false }

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
  readonly #keys = new Map<string, Floor>()
  readonly #prefixes = new Map<string, Floor>()
  #forgottenUpToMs = 0
  #deletions = 0

  constructor(maxEntries = 10_000) {
    this.#maxEntries = maxEntries
  }

  /** How many there were: what was found valid stays so as long as this does not change. */
  get deletions(): number {
    return this.#deletions
  }

  /** @returns The least stamp that may be served for the key, 0 where any may. */
  of(key: string): number {
    return this.#floor(key).stampMs
  }

  /** Whether what began to load at the stamp is older than what is known by now, or may be. */
  isFenced(key: string, stampMs: number): boolean {
    return stampMs < Math.max(this.of(key), this.#forgottenUpToMs)
  }

  /** Whether the last thing that happened to the key since the stamp is that it was deleted. */
  isDeletedSince(key: string, stampMs: number): boolean {
    const floor = this.#floor(key)
    return floor.isDeletion && stampMs < floor.stampMs
  }

  raise(key: string, stampMs: number): void {
    this.#raise(this.#keys, key, { stampMs, isDeletion: false })
  }

  delete(key: string, stampMs: number): void {
    this.#deletions++
    this.#raise(this.#keys, key, { stampMs, isDeletion: true })
  }

  deletePrefix(prefix: string, stampMs: number): void {
    this.#deletions++
    this.#raise(this.#prefixes, prefix, { stampMs, isDeletion: true })
  }

  #floor(key: string): Floor {
    let highest = this.#keys.get(key) ?? noFloor
    for (const [prefix, floor] of this.#prefixes) {
      if (floor.stampMs > highest.stampMs && key.startsWith(prefix)) highest = floor
    }
    return highest
  }

  #raise(floors: Map<string, Floor>, name: string, floor: Floor): void {
    const known = floors.get(name)
    floors.delete(name)
    floors.set(name, known !== undefined && known.stampMs > floor.stampMs ? known : floor)
    if (floors.size <= this.#maxEntries) return
    for (const [oldest, { stampMs }] of floors) {
      floors.delete(oldest)
      this.#forgottenUpToMs = Math.max(this.#forgottenUpToMs, stampMs)
      return
    }
  }
}
