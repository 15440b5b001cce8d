export interface PairedOptions {
  readonly repetitions: number
  /** Runs one side once. @returns How long it took, in any unit. */
  readonly measure: (side: 'base' | 'other') => Promise<number>
}

/**
 * Compares two ways to do a thing: they take turns, and who begins changes, so that what slows the machine down for a
 * while slows both.
 *
 * @returns The median over the repetitions of `other` divided by `base`.
 */
export async function pairedRatio(options: PairedOptions): Promise<number> {
  const ratios: number[] = []
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    const order = repetition % 2 === 0 ? (['base', 'other'] as const) : (['other', 'base'] as const)
    const taken = { base: 0, other: 0 }
    for (const side of order) taken[side] = await options.measure(side)
    ratios.push(taken.other / taken.base)
  }
  return median(ratios)
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [upper, lower] = [sorted[middle], sorted[middle - 1]]
  if (upper === undefined) throw new RangeError('Cannot take a median: there are no numbers')
  return sorted.length % 2 === 0 && lower !== undefined ? (lower + upper) / 2 : upper
}
