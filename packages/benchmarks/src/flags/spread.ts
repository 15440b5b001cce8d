import type { BucketingAlgorithm } from '@codex/cloudflare-clients/feature-flags'
import { type ChiSquare, testIndependent, testUniform } from './chi-square.ts'

const fine = 10_000
const coarse = 100

/** How users are spread, for each flag and for each pair of flags. */
export interface Spread {
  readonly coarse: readonly ChiSquare[]
  readonly fine: readonly ChiSquare[]
  readonly pairs: readonly ChiSquare[]
}

/** Spreads all users by each of so many flags, and counts them in 100 and in 10,000 buckets, and for each pair of flags in 100 × 100. */
export function measureSpread(
  { toShare }: Pick<BucketingAlgorithm, 'toShare'>,
  { ids, flags }: { readonly ids: readonly string[]; readonly flags: number },
): Spread {
  const buckets = Array.from({ length: flags }, (_, flag) => {
    const ofUsers = new Uint16Array(ids.length)
    const salt = `flag-${flag}`
    for (const [user, id] of ids.entries())
      ofUsers[user] = Math.floor(toShare(id, salt) * fine + 1e-9)
    return ofUsers
  })
  return {
    coarse: buckets.map((ofUsers) => testUniform(count(ofUsers, coarse))),
    fine: buckets.map((ofUsers) => testUniform(count(ofUsers, fine))),
    pairs: buckets.flatMap((first, index) =>
      buckets.slice(index + 1).map((second) => testIndependent(countPairs(first, second), coarse)),
    ),
  }
}

function count(ofUsers: Uint16Array, into: number): Uint32Array {
  const counts = new Uint32Array(into)
  const width = fine / into
  for (const bucket of ofUsers) increment(counts, Math.floor(bucket / width))
  return counts
}

function countPairs(first: Uint16Array, second: Uint16Array): Uint32Array {
  const counts = new Uint32Array(coarse * coarse)
  const width = fine / coarse
  for (let user = 0; user < first.length; user++) {
    const row = Math.floor((first[user] ?? 0) / width)
    increment(counts, row * coarse + Math.floor((second[user] ?? 0) / width))
  }
  return counts
}

function increment(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] ?? 0) + 1
}
