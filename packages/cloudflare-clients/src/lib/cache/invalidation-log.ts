/** A point in an {@link InvalidationLog}, such as the start of a load. */
export type LogPosition = number

/**
 * Remembers which keys were set or deleted in this isolate lately, so that a load that began before does not write its
 * older value back.
 *
 * Bounded: of more than `maxEntries` invalidations the oldest are forgotten, and a load that began before a forgotten
 * one counts as invalidated. It holds nothing of a load itself, which may never end when its client disconnects.
 */
export class InvalidationLog {
  readonly #maxEntries: number
  readonly #keys = new Map<string, LogPosition>()
  readonly #prefixes = new Map<string, LogPosition>()
  #position: LogPosition = 0
  #forgottenUpTo: LogPosition = 0

  constructor(maxEntries = 1000) {
    this.#maxEntries = maxEntries
  }

  get position(): LogPosition {
    return this.#position
  }

  recordKey(key: string): void {
    this.#record(this.#keys, key)
  }

  recordPrefix(prefix: string): void {
    this.#record(this.#prefixes, prefix)
  }

  /** Whether the key was invalidated after the position, or may have been. */
  isInvalidatedSince(key: string, position: LogPosition): boolean {
    if (this.#forgottenUpTo > position) return true
    if ((this.#keys.get(key) ?? 0) > position) return true
    for (const [prefix, recordedAt] of this.#prefixes) {
      if (recordedAt > position && key.startsWith(prefix)) return true
    }
    return false
  }

  #record(entries: Map<string, LogPosition>, name: string): void {
    entries.delete(name)
    entries.set(name, ++this.#position)
    if (entries.size <= this.#maxEntries) return
    const [oldest] = entries
    if (oldest === undefined) return
    entries.delete(oldest[0])
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, oldest[1])
  }
}
