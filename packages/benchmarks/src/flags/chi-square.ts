import cdf from '@stdlib/stats-base-dists-chisquare-cdf'

export interface ChiSquare {
  readonly statistic: number
  readonly degrees: number
  /** How likely chance alone gives a statistic as high. */
  readonly p: number
}

/** Whether counts are what equal shares give. */
export function testUniform(counts: Uint32Array): ChiSquare {
  const expected = sum(counts) / counts.length
  let statistic = 0
  for (const count of counts) statistic += (count - expected) ** 2 / expected
  return toChiSquare(statistic, counts.length - 1)
}

/**
 * Whether the rows of a table have nothing to do with its columns.
 *
 * @param counts Row after row.
 */
export function testIndependent(counts: Uint32Array, columns: number): ChiSquare {
  const rows = counts.length / columns
  const ofRow = new Float64Array(rows)
  const ofColumn = new Float64Array(columns)
  for (let cell = 0; cell < counts.length; cell++) {
    const count = counts[cell] ?? 0
    add(ofRow, Math.floor(cell / columns), count)
    add(ofColumn, cell % columns, count)
  }
  const total = sum(counts)
  let statistic = 0
  for (let cell = 0; cell < counts.length; cell++) {
    const expected =
      ((ofRow[Math.floor(cell / columns)] ?? 0) * (ofColumn[cell % columns] ?? 0)) / total
    if (expected > 0) statistic += ((counts[cell] ?? 0) - expected) ** 2 / expected
  }
  return toChiSquare(statistic, (rows - 1) * (columns - 1))
}

/** @returns How likely the smallest of so many is as small, by chance alone (Šidák). */
export function smallestP(tests: readonly ChiSquare[]): {
  readonly p: number
  readonly corrected: number
} {
  const p = Math.min(...tests.map((test) => test.p))
  return { p, corrected: 1 - (1 - p) ** tests.length }
}

function toChiSquare(statistic: number, degrees: number): ChiSquare {
  return { statistic, degrees, p: 1 - cdf(statistic, degrees) }
}

function sum(counts: Uint32Array): number {
  let total = 0
  for (const count of counts) total += count
  return total
}

function add(sums: Float64Array, at: number, count: number): void {
  sums[at] = (sums[at] ?? 0) + count
}
