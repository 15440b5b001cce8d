import { createHash } from 'node:crypto'
import { RedisCommands } from './redis-commands.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

interface ScriptCall {
  readonly keys: readonly string[]
  readonly args: readonly unknown[]
  readonly redis: RedisCommands
}

/**
 * The scripts of \@upstash/ratelimit 2.2.0, line by line, by the digest that the library itself names them by. A script that
 * changed has another digest and is refused.
 */
const scripts: Readonly<Record<string, (script: ScriptCall) => unknown>> = {
  // Fixed window.
  b2efc02798c8e9b471a10f9b1d5745db89923ff3: ({ keys: [key = ''], args, redis }) => {
    const [limit, windowMs, increment] = args.map(Number)
    const count = redis.incrementBy(key, Number(increment))
    if (count === increment) redis.expire(key, Number(windowMs))
    return [count, limit]
  },
  // Sliding window.
  '74740bb3d7792848093cdef586b6b6037c455fd6': ({
    keys: [current = '', previous = ''],
    args,
    redis,
  }) => {
    const [limit = 0, nowMs = 0, windowMs = 1, increment = 1] = args.map(Number)
    const inCurrent = redis.get(current) ?? 0
    const inPrevious = redis.get(previous) ?? 0
    const share = (nowMs % windowMs) / windowMs
    const weighted = Math.floor((1 - share) * inPrevious)
    if (increment > 0 && weighted + inCurrent >= limit) return [-1, limit]
    const count = redis.incrementBy(current, increment)
    if (count === increment) redis.expire(current, windowMs * 2 + 1000)
    return [limit - (count + weighted), limit]
  },
  // Cached fixed window. It compares a number to a text, which are never equal in Lua, so that nothing ever expires.
  '1861a700bafe96c833a483af6b1c28a8897cfdb0': ({ keys: [key = ''], args, redis }) =>
    redis.incrementBy(key, Number(args[1])),
}

/** A Redis over HTTP, as \@upstash/redis reaches it from one location: scripts run whole, and each command is counted. */
export class SimulatedRedis {
  readonly #commands: RedisCommands
  readonly #network: SimulatedNetwork
  readonly #known = new Set<string>()

  constructor(network: SimulatedNetwork, now: () => number) {
    this.#network = network
    this.#commands = new RedisCommands(now, () => {
      network.usage.redisCommands++
    })
  }

  evalSha(
    location: number,
    script: { digest: string } & Omit<ScriptCall, 'redis'>,
  ): Promise<unknown> {
    return this.#network.call(location, () => {
      this.#network.usage.redisCommands++
      if (!this.#known.has(script.digest)) throw new Error('NOSCRIPT No matching script')
      return this.#run(script.digest, script)
    })
  }

  eval(location: number, script: { text: string } & Omit<ScriptCall, 'redis'>): Promise<unknown> {
    return this.#network.call(location, () => {
      this.#network.usage.redisCommands++
      const digest = createHash('sha1').update(script.text).digest('hex')
      this.#known.add(digest)
      return this.#run(digest, script)
    })
  }

  #run(digest: string, { keys, args }: Omit<ScriptCall, 'redis'>): unknown {
    const run = scripts[digest]
    if (!run) throw new Error(`Cannot run script ${digest}: its steps are not known here`)
    return run({ keys, args, redis: this.#commands })
  }
}
