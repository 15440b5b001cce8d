/** What the sample customers bought, and the one thing that one of them sent back. */
export const samplePurchases: readonly {
  readonly buyer: 'lin' | 'sam'
  readonly slug: string
  readonly ageDays: number
  readonly refundedDaysAgo?: number
}[] = [
  { buyer: 'lin', slug: 'css-layout-from-first-principles', ageDays: 36 },
  { buyer: 'lin', slug: 'north-light', ageDays: 30 },
  { buyer: 'lin', slug: 'notes-on-small-software', ageDays: 12 },
  { buyer: 'lin', slug: 'dashboard-for-humans', ageDays: 64, refundedDaysAgo: 61 },
  { buyer: 'sam', slug: 'mixing-drums-in-small-rooms', ageDays: 14 },
  { buyer: 'sam', slug: 'harbour-tape-loops', ageDays: 13 },
  { buyer: 'sam', slug: 'dry-kit-1974', ageDays: 70 },
  { buyer: 'sam', slug: 'notes-on-small-software', ageDays: 2 },
]
