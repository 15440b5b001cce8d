const pattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/
const dayStart = 8
const dayEnd = 10

/**
 * Reads a point in time: ISO 8601 with date, time, and an offset or `Z`, since without one it would be another time in each place.
 *
 * @returns Epoch ms; what is smaller is cut off. `undefined`: it is none, as 30 February is none.
 */
export function parseTime(text: unknown): number | undefined {
  if (typeof text !== 'string' || !pattern.test(text)) return undefined
  const ms = Date.parse(text)
  // `Date.parse` refuses all that is out of range, but makes 2 March of 30 February.
  const day = new Date(text.slice(0, dayEnd)).getUTCDate()
  return Number(text.slice(dayStart, dayEnd)) === day && ms === ms ? ms : undefined
}
