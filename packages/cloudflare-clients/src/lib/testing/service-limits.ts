import { kvLimits } from '../kv/kv-limits.ts'
import type { KVOperation } from '../kv/metered-kv.ts'

/** Limits of the account. A limit of `Infinity` never refuses. */
export interface ServiceLimits {
  /**
   * Writes and deletes of one key in a second, over all locations. More answer 429. Default 1, and `Infinity` with
   * `consistency: 'strong'`.
   */
  readonly writesPerSecondPerKey?: number
  /** Keys read in a day (UTC). Default: 100,000 on the free plan, `Infinity` on the paid plan. */
  readonly readsPerDay?: number
  /** Keys written in a day (UTC). Default: 1,000 on the free plan, `Infinity` on the paid plan. */
  readonly writesPerDay?: number
  /** Keys deleted in a day (UTC). Default: 1,000 on the free plan, `Infinity` on the paid plan. */
  readonly deletesPerDay?: number
  /** Lists in a day (UTC). Default: 1,000 on the free plan, `Infinity` on the paid plan. */
  readonly listsPerDay?: number
}

export type Plan = 'free' | 'paid'

interface Quotas {
  /** Milliseconds in which a key takes no second write. */
  readonly writeIntervalMs: number
  readonly perDay: Readonly<Record<KVOperation['type'], number>>
}

const methods: Readonly<Record<KVOperation['type'], string>> = {
  read: 'get',
  write: 'put',
  delete: 'delete',
  list: 'list',
}

const dayMs = 86_400_000

/** @throws {RangeError} When a limit is not a number of at least 0. */
export function toQuotas(
  limits: ServiceLimits,
  options: { readonly plan: Plan; readonly isStrong: boolean },
): Quotas {
  for (const [name, limit] of Object.entries(limits)) {
    if (!((limit as number) >= 0)) {
      throw new RangeError(
        `Cannot create an edge simulator: ${name} must be at least 0, received ${limit}`,
      )
    }
  }
  const isFree = options.plan === 'free'
  const defaultWrites = options.isStrong ? Infinity : kvLimits.maxWritesPerSecondPerKey
  return {
    writeIntervalMs: 1000 / (limits.writesPerSecondPerKey ?? defaultWrites),
    perDay: {
      read: limits.readsPerDay ?? (isFree ? 100_000 : Infinity),
      write: limits.writesPerDay ?? (isFree ? 1000 : Infinity),
      delete: limits.deletesPerDay ?? (isFree ? 1000 : Infinity),
      list: limits.listsPerDay ?? (isFree ? 1000 : Infinity),
    },
  }
}

/** The text of a used-up quota, which is no status of KV: the runtime refuses before it asks KV. */
export function quotaExceeded(type: KVOperation['type']): Error {
  return new Error(`KV ${methods[type]}() limit exceeded for the day.`)
}

/** What the account has used today. */
export class DailyUsage {
  readonly #perDay: Readonly<Record<KVOperation['type'], number>>
  readonly #used = { read: 0, write: 0, delete: 0, list: 0 }
  #day = -1

  constructor(perDay: Readonly<Record<KVOperation['type'], number>>) {
    this.#perDay = perDay
  }

  /** @throws {Error} When they are more than what is left of the day's quota. Then none is used. */
  use(
    type: KVOperation['type'],
    options: { readonly count: number; readonly nowMs: number },
  ): void {
    const day = Math.floor(options.nowMs / dayMs)
    if (day !== this.#day) {
      this.#day = day
      Object.assign(this.#used, { read: 0, write: 0, delete: 0, list: 0 })
    }
    if (this.#used[type] + options.count > this.#perDay[type]) throw quotaExceeded(type)
    this.#used[type] += options.count
  }
}
