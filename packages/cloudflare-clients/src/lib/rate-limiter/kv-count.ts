/** What is in one slot of a window in KV: what each writer admitted since the clearing that it names. */
export interface StoredSlot {
  /** The clearing that the counts were begun after, in epoch ms. 0: none. */
  readonly clearedAtMs: number
  readonly counts: ReadonlyMap<string, number>
}

/** How many slots a window has in KV: each takes a write a second, and each is a billed read. */
export const slotCount = 16

interface SeenCount {
  readonly count: number
  readonly slot: number
}

/**
 * One window of one identifier, as one isolate knows it: a counter that only grows (a G-counter).
 *
 * Every writer has a name of its own and stores only what it admitted itself, so what is known is the highest count of each
 * writer, added up. The order in which stale reads and lost writes arrive does not matter, nothing is counted twice, and a slot
 * is no more than the place where a writer's count is kept.
 */
export class KVCount {
  /** Never the same for two. A count that was forgotten goes on under another name. */
  readonly writer: string
  /** Names the window, the same in every isolate. */
  readonly window: string
  readonly resetAt: number
  readonly #startsAtMs: number
  readonly #others = new Map<string, SeenCount>()
  #othersTotal = 0
  #own = 0
  /** How much of `own` KV has. */
  #written = 0
  #clearedAtMs = 0

  constructor({
    writer,
    nowMs,
    windowMs,
  }: {
    readonly writer: string
    readonly nowMs: number
    readonly windowMs: number
  }) {
    const index = Math.floor(nowMs / windowMs)
    this.writer = writer
    this.window = `${windowMs}-${index}`
    this.#startsAtMs = index * windowMs
    this.resetAt = (index + 1) * windowMs
  }

  /** What was admitted, as far as is known here. */
  get used(): number {
    return this.#own + this.#othersTotal
  }

  /** What was admitted here and KV does not have. */
  get unwritten(): number {
    return this.#own - this.#written
  }

  add(cost: number): void {
    this.#own += cost
  }

  /** Starts anew, where the clearing is in this window and not known yet. */
  clear(clearedAtMs: number): void {
    if (clearedAtMs <= this.#clearedAtMs || clearedAtMs < this.#startsAtMs) return
    this.#clearedAtMs = clearedAtMs
    this.#others.clear()
    this.#othersTotal = 0
    this.#own = 0
    this.#written = 0
  }

  /** @param slots What was read, by slot. The latest clearing wins, and what was counted before it is passed over. */
  merge(slots: readonly (StoredSlot | null)[]): void {
    for (const slot of slots) this.clear(slot?.clearedAtMs ?? 0)
    for (const [slot, stored] of slots.entries()) {
      if (stored?.clearedAtMs !== this.#clearedAtMs) continue
      for (const [writer, count] of stored.counts) this.#see(writer, { count, slot })
    }
  }

  /** What to write into a slot: with what others keep there, which a write takes the place of. */
  toStored(slot: number): { readonly text: string; readonly confirm: () => void } {
    const own = this.#own
    const clearedAtMs = this.#clearedAtMs
    const counts: Record<string, number> = { [this.writer]: own }
    for (const [writer, seen] of this.#others) if (seen.slot === slot) counts[writer] = seen.count
    return {
      text: JSON.stringify({ clearedAtMs, counts }),
      confirm: () => {
        if (this.#clearedAtMs === clearedAtMs) this.#written = Math.max(this.#written, own)
      },
    }
  }

  /** Where another writer took the place of this one's count, which KV then lacks: it is written again. */
  checkWritten(slots: readonly (StoredSlot | null)[]): void {
    const found = slots.map((slot) =>
      slot?.clearedAtMs === this.#clearedAtMs ? (slot.counts.get(this.writer) ?? 0) : 0,
    )
    this.#written = Math.min(this.#written, Math.max(0, ...found))
  }

  #see(writer: string, seen: SeenCount): void {
    if (writer === this.writer) return
    const known = this.#others.get(writer)?.count ?? 0
    if (seen.count <= known) return
    this.#others.set(writer, seen)
    this.#othersTotal += seen.count - known
  }
}

/** @returns The slot, or `null` where the text is none. */
export function parseSlot(text: string): StoredSlot | null {
  const { clearedAtMs, counts } = parseObject(text)
  if (!isCount(clearedAtMs) || typeof counts !== 'object' || counts === null) return null
  const entries = Object.entries(counts as Record<string, unknown>)
  if (!entries.every((entry): entry is [string, number] => isCount(entry[1]))) return null
  return { clearedAtMs, counts: new Map(entries) }
}

/** @returns When the counts were cleared, or `null` where the text does not say. */
export function parseClearing(text: string): number | null {
  const { clearedAtMs } = parseObject(text)
  return isCount(clearedAtMs) ? clearedAtMs : null
}

export function toClearing(clearedAtMs: number): string {
  return JSON.stringify({ clearedAtMs })
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
