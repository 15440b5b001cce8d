import type { AcquireReply } from './authority-protocol.ts'

interface Holder {
  readonly seenMs: number
  readonly seq: number
  readonly reply: AcquireReply
  readonly leases: boolean
}

const maxHolders = 1000
const minMemoryMs = 10_000
/** An isolate that has not asked for longer is taken for gone, also where two windows are longer. */
const maxMemoryMs = 600_000

/** Who asked about a key in this and the last window, and what each was answered. */
export class RecentHolders {
  /** The longest silent first. */
  readonly #holders = new Map<string, Holder>()
  #leasing = 0

  /** How many take leases, with one who asks now. */
  countLeasing(name = '', want = 0): number {
    return this.#leasing + (want > 0 && this.#holders.get(name)?.leases !== true ? 1 : 0)
  }

  /** Forgets who was silent for two windows. */
  prune(nowMs: number, windowMs: number): void {
    const sinceMs = nowMs - Math.min(Math.max(2 * windowMs, minMemoryMs), maxMemoryMs)
    for (const [name, { seenMs }] of this.#holders) {
      if (seenMs >= sinceMs) return
      this.#drop(name)
    }
  }

  get(name: string): { readonly seq: number; readonly reply: AcquireReply } | undefined {
    return this.#holders.get(name)
  }

  remember(
    name: string,
    holder: { readonly seq: number; readonly reply: AcquireReply; readonly want: number },
  ): void {
    const { seq, reply, want } = holder
    const leases = want > 0 || this.#holders.get(name)?.leases === true
    this.#drop(name)
    this.#holders.set(name, { seenMs: reply.nowMs, seq, reply, leases })
    if (leases) this.#leasing += 1
    if (this.#holders.size <= maxHolders) return
    const [longestSilent] = this.#holders.keys()
    if (longestSilent !== undefined) this.#drop(longestSilent)
  }

  #drop(name: string): void {
    if (this.#holders.get(name)?.leases === true) this.#leasing -= 1
    this.#holders.delete(name)
  }
}
