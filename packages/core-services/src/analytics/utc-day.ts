import * as v from 'valibot'

const dayMs = 86_400_000

/** A day of the UTC calendar as it is written: `YYYY-MM-DD`. */
export const utcDaySchema = v.pipe(
  v.string('Write the day as YYYY-MM-DD'),
  v.regex(/^\d{4}-\d{2}-\d{2}$/, 'Write the day as YYYY-MM-DD'),
  v.check((day) => {
    const startMs = Date.parse(`${day}T00:00:00.000Z`)
    // Date.parse turns 2026-02-30 into March; only a real day reads back the same.
    return Number.isFinite(startMs) && toUtcDay(startMs) === day
  }, 'There is no such day'),
)

export function toUtcDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10)
}

/** The day's first instant and the next day's. */
export function toRange(day: string): { readonly start: Date; readonly end: Date } {
  const startMs = Date.parse(`${day}T00:00:00.000Z`)
  return { start: new Date(startMs), end: new Date(startMs + dayMs) }
}
