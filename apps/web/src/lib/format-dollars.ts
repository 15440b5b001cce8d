const smallestShown = 0.000_001

/** A cost in dollars that may be far below a cent, to the millionth: `$0.000105`, `$1.25`, `under $0.000001`. */
export function formatDollars(dollars: number): string {
  if (dollars === 0) return '$0'
  if (dollars < smallestShown) return 'under $0.000001'
  return dollars < 0.01 ? `$${dollars.toFixed(6)}` : `$${dollars.toFixed(2)}`
}
