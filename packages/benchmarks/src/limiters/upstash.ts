import { Ratelimit } from '@upstash/ratelimit'
import { SimulatedRedis } from '../simulation/simulated-redis.ts'
import type { LimiterUnderTest, LimiterWorld, Verdict } from './limiter-under-test.ts'

type Redis = ConstructorParameters<typeof Ratelimit>[0]['redis']
type Algorithm = 'fixedWindow' | 'slidingWindow' | 'cachedFixedWindow'

/** The library itself with its defaults, which include its cache of denials, on a Redis that executes its scripts' steps. */
export const upstashLimiters: readonly LimiterUnderTest[] = [
  upstash('fixed window', 'fixedWindow'),
  upstash('sliding window', 'slidingWindow'),
  upstash('cached fixed window', 'cachedFixedWindow'),
]

function upstash(name: string, algorithm: Algorithm): LimiterUnderTest {
  return {
    id: `@upstash/ratelimit, ${name}`,
    open: (world) => {
      const redis = new SimulatedRedis(world.network, world.clock.now)
      return {
        openIsolate: ({ location }) => {
          const limiter = new Ratelimit({
            redis: clientAt(redis, location),
            limiter: Ratelimit[algorithm](world.limit, `${world.windowMs} ms`),
            enableTelemetry: false,
          })
          return { check: (identifier) => check(limiter, identifier, world) }
        },
      }
    },
  }
}

async function check(
  limiter: Ratelimit,
  identifier: string,
  world: LimiterWorld,
): Promise<Verdict> {
  // The window is in the key, by the clock of the isolate that asks.
  const countedAtMs = world.clock.now()
  const { success, pending } = await limiter.limit(identifier)
  world.waitUntil(pending)
  return { allowed: success, countedAtMs }
}

/** As much of \@upstash/redis as the library calls without analytics, protection and dynamic limits. */
function clientAt(redis: SimulatedRedis, location: number): Redis {
  const client = {
    evalsha: (digest: string, keys: readonly string[], args: readonly unknown[]) =>
      redis.evalSha(location, { digest, keys, args }),
    eval: (text: string, keys: readonly string[], args: readonly unknown[]) =>
      redis.eval(location, { text, keys, args }),
  }
  return client as unknown as Redis
}
