/** The API blocks for 5 minutes at most. */
const maxRetryAfterMs = 300_000

/**
 * What a `Retry-After` asks for: seconds or a date. A date that has passed is 0, more than 5 minutes are 5 minutes.
 *
 * @returns `null` when there is none that can be read.
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? ''
  const delayMs = /^[+-]?\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDate(text) - nowMs
  if (Number.isNaN(delayMs)) return null
  return Math.min(Math.max(0, delayMs), maxRetryAfterMs)
}

/** Only dates as HTTP has them: `Date.parse` makes one of nearly everything that ends in a number. */
function parseDate(text: string): number {
  return /^[A-Z][a-z]{2,8},? .*\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) : NaN
}
