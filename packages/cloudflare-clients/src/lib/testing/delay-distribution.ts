/**
 * How long something takes: always so many milliseconds, or points of a distribution as `[share, ms]`, where `share` of
 * all draws take at most `ms`. Between points it is linear; the shares rise from 0 to 1, and a first point above 0
 * counts from 0 ms.
 *
 * `[[0.5, 20], [0.99, 100], [1, 500]]` has a median of 20 ms, a 99th percentile of 100 ms and nothing over 500 ms.
 */
export type DelayDistribution = number | readonly (readonly [share: number, ms: number])[]

/** @throws {RangeError} When it is no distribution. */
export function assertDelay(action: string, name: string, delay: DelayDistribution): void {
  const points = typeof delay === 'number' ? [[1, delay] as const] : delay
  let [lastShare, lastMs] = [0, 0]
  for (const [share, ms] of points) {
    if (!(share >= lastShare && ms >= lastMs && Number.isFinite(ms))) break
    lastShare = share
    lastMs = ms
  }
  if (lastShare === 1 && points.at(-1)?.[0] === 1 && points.at(-1)?.[1] === lastMs) return
  throw new RangeError(
    `Cannot ${action}: ${name} must be milliseconds of at least 0, or points [share, ms] that rise to share 1, received ${JSON.stringify(delay)}`,
  )
}

/** The delay at a share of the distribution: the inverse of its cumulative form. */
export function delayAt(delay: DelayDistribution, share: number): number {
  if (typeof delay === 'number') return delay
  let [fromShare, fromMs] = [0, 0]
  for (const [toShare, toMs] of delay) {
    if (share < toShare) {
      return fromMs + ((toMs - fromMs) * (share - fromShare)) / (toShare - fromShare)
    }
    fromShare = toShare
    fromMs = toMs
  }
  return fromMs
}
