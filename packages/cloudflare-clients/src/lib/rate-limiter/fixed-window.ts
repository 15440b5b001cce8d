/** What is known of one identifier's calls: in KV, and in an isolate. */
export interface WindowCount {
  /** Calls admitted in the window since it was cleared. */
  readonly count: number
  /** When the window ends, in epoch ms. It names the window. */
  readonly resetAt: number
  /** When the count was last cleared, in epoch ms. 0: never. */
  readonly clearedAtMs: number
}

/** Windows are aligned to the clock, so that every isolate names the same window without asking. */
export function windowEnd(nowMs: number, windowSeconds: number): number {
  const windowMs = windowSeconds * 1000
  return (Math.floor(nowMs / windowMs) + 1) * windowMs
}

/** @returns The stored count, or `null` where the text is none. */
export function parseWindowCount(text: string): WindowCount | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { count, resetAt, clearedAtMs = 0 } = value as Partial<WindowCount>
  const numbers = [count, resetAt, clearedAtMs]
  if (!numbers.every((number) => Number.isFinite(number) && Number(number) >= 0)) return null
  return { count: Number(count), resetAt: Number(resetAt), clearedAtMs }
}

/**
 * Merges what several places know of the window that ends at `resetAt`.
 *
 * A count only grows until it is cleared. So the latest clearing wins, and among equals the highest count: the order
 * in which stale reads and lost writes arrive does not matter.
 */
export function mergeCounts(known: readonly WindowCount[], resetAt: number): WindowCount {
  const clearedAtMs = Math.max(0, ...known.map((one) => one.clearedAtMs))
  const counts = known
    .filter((one) => one.resetAt === resetAt && one.clearedAtMs === clearedAtMs)
    .map((one) => one.count)
  return { count: Math.max(0, ...counts), resetAt, clearedAtMs }
}
