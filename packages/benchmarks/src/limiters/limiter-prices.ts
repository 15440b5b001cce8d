import { kvPrices } from '@codex/cloudflare-clients/testing'

/**
 * What Durable Objects and Upstash cost, beside {@link kvPrices}: marginal prices, without what a plan includes. The time
 * for which an object is in memory is left out: it depends on what else the object does.
 */
export const limiterPrices = {
  /** When the pages were read. */
  date: '2026-11-21',
  durableObjects: {
    source: 'https://developers.cloudflare.com/durable-objects/platform/pricing/',
    /** A call and an alarm are a request each. */
    dollarsPerMillionRequests: 0.15,
    /** Setting an alarm is a row, a delete too. */
    dollarsPerMillionRowsWritten: 1,
  },
  redis: {
    source: 'https://upstash.com/pricing/redis',
    /** Commands inside a script count too: https://upstash.com/docs/redis/sdks/ratelimit-ts/costs */
    dollarsPerMillionCommands: 2,
  },
  kv: kvPrices,
} as const

export interface LimiterOperations {
  readonly requests: number
  readonly rowsWritten: number
  readonly redisCommands: number
  readonly kvDollars: number
}

/** @returns Dollars. */
export function priceOf(operations: LimiterOperations): number {
  const { durableObjects, redis } = limiterPrices
  // Who asks a Redis asks no Durable Object, and Upstash takes no money for a request.
  const objectRequests = operations.redisCommands > 0 ? 0 : operations.requests
  const millionths =
    objectRequests * durableObjects.dollarsPerMillionRequests +
    operations.rowsWritten * durableObjects.dollarsPerMillionRowsWritten +
    operations.redisCommands * redis.dollarsPerMillionCommands
  return millionths / 1_000_000 + operations.kvDollars
}
