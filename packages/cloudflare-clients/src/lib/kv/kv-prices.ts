import type { KVOperation } from './metered-kv.ts'

/** How many operations of each type are billed. */
export type KVOperationCounts = Readonly<Record<KVOperation['type'], number>>

/**
 * What Workers KV costs on the paid plan.
 *
 * Every key counts, also in a bulk read; a read that finds nothing counts too. A list is one operation for each page.
 * Expiry is free.
 *
 * @see https://developers.cloudflare.com/kv/platform/pricing/
 */
export const kvPrices = {
  /** The date of the pricing page that these are from. */
  date: '2026-04-21',
  source: 'https://developers.cloudflare.com/kv/platform/pricing/',
  /** Dollars for a million operations. */
  dollarsPerMillion: { read: 0.5, write: 5, delete: 5, list: 5 },
  /** Operations of a calendar month that the plan's own price covers, for the whole account. */
  includedPerMonth: { read: 10_000_000, write: 1_000_000, delete: 1_000_000, list: 1_000_000 },
} as const

/**
 * What operations cost in dollars, without storage.
 *
 * @param operations Counts, for example of what `meterKV` reports. Absent ones are 0.
 * @param options `subtractIncluded`: take the operations as all of one account's month and subtract what the plan
 * includes. Default `false`: the marginal price, which is what one more of them costs.
 * @throws {RangeError} When a count is negative or no number.
 *
 * @example
 * ```ts
 * import { priceKVOperations } from '@codex/cloudflare-clients'
 *
 * priceKVOperations({ read: 1_000_000, write: 100_000 }) // 1
 * priceKVOperations({ read: 12_000_000 }, { subtractIncluded: true }) // 1
 * ```
 */
export function priceKVOperations(
  operations: Partial<KVOperationCounts>,
  options: { readonly subtractIncluded?: boolean } = {},
): number {
  let millionths = 0
  for (const type of Object.keys(kvPrices.dollarsPerMillion) as KVOperation['type'][]) {
    const count = operations[type] ?? 0
    if (!(count >= 0)) {
      throw new RangeError(
        `Cannot price KV operations: ${type} must be a number of at least 0, received ${count}`,
      )
    }
    const included = options.subtractIncluded === true ? kvPrices.includedPerMonth[type] : 0
    millionths += Math.max(0, count - included) * kvPrices.dollarsPerMillion[type]
  }
  return millionths / 1_000_000
}
