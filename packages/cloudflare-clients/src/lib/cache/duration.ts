/** A length of time: a number of seconds, or text with its unit such as `'250ms'`, `'5m'` or `'1.5h'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

function parseText(text: unknown): number | undefined {
  const [, amount, unit = ''] = /^(-?[\d.]+)(ms|[smhd])$/.exec(String(text)) ?? []
  const factor = unitMs[unit]
  return factor && Number(amount) * factor
}

/**
 * @param what What the duration is for, as the rest of "Cannot …": `define cache "user": fresh`.
 * @param minMs The least that is taken. Default 0.
 * @returns Milliseconds, fractions kept.
 * @throws {TypeError} When it is no duration, as with an unknown unit or an empty text.
 * @throws {RangeError} When it is `NaN`, infinite or under `minMs`.
 */
export function toMs(what: string, duration: Duration, minMs = 0): number {
  const ms = typeof duration === 'number' ? duration * 1000 : parseText(duration)
  if (ms !== undefined && ms >= minMs && ms < Infinity) return ms
  throw new (ms === undefined ? TypeError : RangeError)(
    `Cannot ${what} must be at least ${minMs / 1000} seconds or text such as '5m', received ${duration}`,
  )
}
