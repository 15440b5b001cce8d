import { checkNumber } from '../shared/check-number.ts'
import type { Timers } from '../shared/timers.ts'
import { assertKV } from './assert-kv.ts'
import { KVError, toKVError } from './kv-error.ts'
import { overrideKV } from './override-kv.ts'
import { readInTime } from './read-in-time.ts'

export interface CircuitBreakerOptions {
  /** After so many failed reads in a row KV is left alone, from 1. Default 5. */
  readonly maxFailures?: number
  /** For so long, from 1. Default 10,000. */
  readonly cooldownMs?: number
  /** How long a read may take before it fails, from 1. Default: as long as it takes. */
  readonly timeoutMs?: number
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Default: the global ones. */
  readonly timers?: Timers
}

/**
 * Wraps a namespace so that one that fails is spared: after `maxFailures` failed reads in a row it is not asked for the
 * cooldown, and reads fail at once; then one read probes it, and the others follow when that succeeds.
 *
 * **When to use it.** In front of a cache whose loader is fast enough: during an outage of KV every request otherwise
 * waits for the failure first, and each failure is reported. A cache takes the refusal for any other store error: it
 * loads, writes nothing back, and does not report it again.
 *
 * Outages, 429s and the used up daily quota count; a value that is too large or a malformed call does not. Each isolate
 * learns for itself. Writes, deletes and lists pass through.
 *
 * @param kv A Worker binding, or anything of its shape.
 * @returns A namespace that behaves as `kv` does, and whose reads reject with a {@link KVError} with code
 * `circuit_open` meanwhile.
 * @throws {TypeError} When `kv` is no namespace.
 * @throws {RangeError} When an option is out of range.
 *
 * @example
 * ```ts
 * import { CacheClient, circuitBreaker } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(circuitBreaker(env.CACHE_KV))
 * ```
 */
export function circuitBreaker(kv: KVNamespace, options: CircuitBreakerOptions = {}): KVNamespace {
  assertKV('create circuit breaker', kv)
  const { maxFailures = 5, cooldownMs = 10_000, timeoutMs = Infinity } = options
  const { now = Date.now, timers = globalThis } = options
  for (const [name, value] of Object.entries({ maxFailures, cooldownMs, timeoutMs })) {
    checkNumber(`create circuit breaker: ${name}`, value, { min: 1 })
  }
  let failures = 0
  let closedUntilMs = 0

  const guard = async (read: () => Promise<unknown>): Promise<unknown> => {
    if (failures >= maxFailures && now() < closedUntilMs) {
      throw new KVError('Cannot read in KV: it failed too often', {
        code: 'circuit_open',
        operation: 'read',
        retryable: true,
      })
    }
    // While this read probes, the others still keep away.
    closedUntilMs = now() + cooldownMs
    try {
      const answer = await readInTime(read(), { delayMs: timeoutMs, timers })
      failures = 0
      return answer
    } catch (error) {
      const { code, retryable } = toKVError('read', error)
      if (retryable || code === 'quota_exceeded') failures++
      throw error
    }
  }

  return overrideKV(kv, {
    get: (...args: Parameters<KVNamespace['get']>) => guard(() => kv.get(...args)),
    getWithMetadata: (...args: Parameters<KVNamespace['getWithMetadata']>) =>
      guard(() => kv.getWithMetadata(...args)),
  })
}
