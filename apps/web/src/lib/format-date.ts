// One locale and UTC: what the server renders must be what the browser renders when it takes over.
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })
const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' })

/** A day such as `20 November 2026`. */
export function formatDate(value: Date | string | number): string {
  return date.format(new Date(value))
}

/** A day and a time such as `20 Nov 2026, 23:30 UTC`. */
export function formatDateTime(value: Date | string | number): string {
  const at = new Date(value)
  return `${day.format(at)}, ${time.format(at)} UTC`
}
