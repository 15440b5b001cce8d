/** A price for people: `Free`, `$12`, `$12.50`. */
export function formatPrice(cents: number, currency: string): string {
  return cents === 0 ? 'Free' : formatAmount(cents, currency)
}

/** An amount of money, where 0 is an amount like any other: `$0`. */
export function formatAmount(cents: number, currency: string): string {
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: cents % 100 === 0 ? 0 : 2,
  }).format(cents / 100)
}

/** The cents of a price that a person typed (`12`, `12.5`, `12,50`, `$9.99`), however high, or `null` when it is not one. */
export function parsePriceCents(text: string): number | null {
  const match = /^\$?(\d{1,13})(?:[.,](\d{1,2}))?$/.exec(text.trim())
  if (!match) return null
  const [, whole = '', fraction = ''] = match
  return Number(whole) * 100 + Number(fraction.padEnd(2, '0'))
}
