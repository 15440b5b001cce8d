import { allLimiters } from '../limiters/all-limiters.ts'
import { limiterPrices } from '../limiters/limiter-prices.ts'
import { libraryTable } from '../markdown-table.ts'
import { between } from '../scenario.ts'
import type { Suite } from '../suite.ts'
import { inProcess } from './in-process.ts'
import { limiterSize } from './limiter-size.ts'
import { loadScenarios, namedLoads } from './load-scenarios.ts'

const { durableObjects, kv, redis } = limiterPrices

const text = `A simulation on a virtual clock: calls on one key come at random times (Poisson), the same for every limiter, at
isolates that are spread over locations 8 to 130 ms from the one place where the Durable Object or the Redis is (round trip, ±10 %). KV is
the edge simulator's \`typical\` one. [Decision 005](decisions/005-benchmarks.md) says what runs as the library itself and what as its
steps. The time that code takes is not simulated.

"Aligned window" and "any window" are the most that was admitted in one window, divided by the limit: in windows aligned to the
clock, and in windows that begin anywhere. They are rounded up, so that a single call too many shows. A call counts at the time by which
its limiter counts it. Limiters by fixed windows, ours too, promise the first of them only. "Used" is how much of the limit was
given out in the windows that had enough demand. "Requests" are those to the Durable Object (its alarms too) or to the Redis, for 1,000
checks, and "peak" the most in one second: an object is good for about 1,000. The operations of KV and the rows that are written are for
1,000 checks too. "Local" is the share of checks that waited for nothing, and "cost" is dollars for a million checks, marginal: KV
${kv.date}, Durable Objects and Upstash ${limiterPrices.date}; an object's time in memory is left out.`

export const rateLimitSuite: Suite = {
  name: 'ratelimit',
  heading: 'Rate limits',
  text: `${text} Prices: [KV](${kv.source}), [Durable Objects](${durableObjects.source}), [Upstash](${redis.source}).`,
  scenarios: [...between(allLimiters, loadScenarios), inProcess, limiterSize],
  shortfalls: [],
  sections: [
    ...namedLoads.map(({ name, heading, text: about }) => ({
      heading,
      scenario: name,
      text: about,
      table: libraryTable,
    })),
    {
      heading: 'An admission in the process',
      scenario: inProcess.name,
      text: `Through the public call, from a lease that lasts. In Node beside the memory limiter of rate-limiter-flexible, in a process of
their own, with a forced garbage collection before each block; in workerd beside a call of our Durable Object in the same process, so
without a network. Medians of 51 pairs.`,
      table: libraryTable,
    },
    {
      heading: 'Size of a limiter',
      scenario: limiterSize.name,
      text: 'What esbuild makes of one fixed entry that builds a limiter and asks it (`src/limiter-size-entries`), minified and compressed with gzip. The Durable Object itself is in another Worker.',
      table: libraryTable,
    },
  ],
}
