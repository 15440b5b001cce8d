import type { CountReport } from './coordination-calls.ts'
import type { CoordinationStorage } from './coordination-storage.ts'

/** What one isolate has counted here so far. */
interface HolderCount {
  readonly seq: number
  /** What it says it counted in all. */
  readonly total: number
  /** What of it counts here. */
  readonly amount: number
  readonly seenAtMs: number
}

const holderPrefix = 'holder:'
const baseKey = 'base'
/** How long a holder is remembered after its last report. */
const holderTtlMs = 86_400_000

/**
 * One shard of a counter: synchronous, by a clock that is handed in. Each holder has one row, with what it counted in all, so a
 * report that is lost is in the next one, and one that comes twice or late counts once.
 */
export class CounterAuthority {
  readonly #storage: CoordinationStorage
  readonly #now: () => number
  readonly #holders = new Map<string, HolderCount>()
  /** What holders that are not kept any more have counted. */
  #base: number
  #total: number

  constructor(storage: CoordinationStorage, now: () => number) {
    this.#storage = storage
    this.#now = now
    this.#base = (storage.get(baseKey) as number | undefined) ?? 0
    this.#total = this.#base
    for (const [key, count] of storage.list<HolderCount>({ prefix: holderPrefix })) {
      this.#holders.set(key.slice(holderPrefix.length), count)
      this.#total += count.amount
    }
  }

  count({ holder, seq, total, confirmed }: CountReport): void {
    const last = this.#holders.get(holder)
    if (last !== undefined && seq <= last.seq) return
    // Of a holder that is not known any more, what was confirmed is in the base, or was reset.
    const added = total - (last?.total ?? confirmed)
    const count = { seq, total, amount: (last?.amount ?? 0) + added, seenAtMs: this.#now() }
    this.#storage.put(`${holderPrefix}${holder}`, count)
    this.#holders.set(holder, count)
    this.#total += added
  }

  getTotal(): number {
    return this.#total
  }

  /** Begins at 0 again, for holders that go on as well. */
  reset(): void {
    for (const [holder, count] of this.#holders) {
      const emptied = { ...count, amount: 0 }
      this.#storage.put(`${holderPrefix}${holder}`, emptied)
      this.#holders.set(holder, emptied)
    }
    this.#storage.delete(baseKey)
    this.#base = 0
    this.#total = 0
  }

  /** When `prune` is to be called, in epoch ms. */
  pruneAtMs(): number | undefined {
    if (this.#holders.size === 0) return undefined
    return Math.min(...[...this.#holders.values()].map(({ seenAtMs }) => seenAtMs)) + holderTtlMs
  }

  /** Forgets holders that have reported nothing for long, and keeps what they counted. To be run without an `await`. */
  prune(): void {
    const overMs = this.#now() - holderTtlMs
    const over = [...this.#holders].filter(([, { seenAtMs }]) => seenAtMs <= overMs)
    const amount = over.reduce((sum, [, count]) => sum + count.amount, 0)
    if (amount !== 0) {
      this.#base += amount
      this.#storage.put(baseKey, this.#base)
    }
    for (const [holder] of over) {
      this.#storage.delete(`${holderPrefix}${holder}`)
      this.#holders.delete(holder)
    }
  }
}
