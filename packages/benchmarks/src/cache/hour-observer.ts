import type { Item } from '../libraries/cache-under-test.ts'

/** Loads and stores take a moment, and a library may count from their end: nobody is blamed for less than a second. */
const toleranceMs = 1000

/** What one isolate has been given: it notices when a key goes back. */
export class IsolateMemory {
  readonly #versions = new Map<string, number>()

  newest(id: string): number {
    return this.#versions.get(id) ?? 0
  }

  see({ id, version }: Item): void {
    this.#versions.set(id, Math.max(version, this.newest(id)))
  }
}

/** Watches what callers get in the simulated hour. */
export class HourObserver {
  asked = 0
  oldestMs = 0
  tooOld = 0
  wentBack = 0
  throws = 0
  /** Failures that told a caller of a refused write. */
  refused = 0
  /** Answers from before their tag was expired, and the longest time after it that one was given. */
  readsBeforeExpiry = 0
  longestTagLagMs = 0
  readonly #boundMs: number
  readonly #expiredAtMs = new Map<string, number>()

  constructor(boundSeconds: number) {
    this.#boundMs = boundSeconds * 1000
  }

  expire(tag: string, atMs: number): void {
    this.#expiredAtMs.set(tag, atMs)
  }

  /** @param newestBefore The newest version that the isolate had been given when it asked. */
  answer(
    item: Item | null,
    read: {
      readonly nowMs: number
      readonly newestBefore: number
      readonly tags: readonly string[]
    },
  ): void {
    if (item === null) return
    const ageMs = read.nowMs - item.loadedAtMs
    this.oldestMs = Math.max(this.oldestMs, ageMs)
    if (ageMs > this.#boundMs + toleranceMs) this.tooOld++
    if (item.version < read.newestBefore) this.wentBack++
    for (const tag of read.tags) {
      const expiredAtMs = this.#expiredAtMs.get(tag) ?? 0
      if (item.loadedAtMs > expiredAtMs) continue
      this.readsBeforeExpiry++
      this.longestTagLagMs = Math.max(this.longestTagLagMs, read.nowMs - expiredAtMs)
    }
  }

  fail(error: unknown): void {
    this.throws++
    const cause = error instanceof Error ? String(error.cause) : ''
    if (`${String(error)} ${cause}`.includes('429')) this.refused++
  }
}
