import type { ConfigClient } from './config-client.ts'

export interface ConfigProbeOptions {
  /**
   * How old the newest good load may be for the process to be ready, in seconds from 1. Default: any age. A bound takes every process out of service
   * at once when the place that the configuration comes from is down, though all of them could go on with what they have.
   */
  readonly maxAgeSeconds?: number
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
}

/** For the probes of an orchestrator. */
export interface ConfigProbe {
  /** Whether the client still asks again when it should. A configuration that cannot be had or is invalid is no reason to start anew. */
  isLive(): boolean
  /** Whether there is a configuration to work with. */
  isReady(): boolean
}

/**
 * Answers liveness and readiness probes from what a client knows, without asking anybody.
 *
 * @throws {RangeError} When an option is out of range.
 *
 * @example
 * ```ts
 * import { ConfigClient, createConfigProbe } from '@codex/config'
 *
 * const config = new ConfigClient({ defaults: { port: 8080 }, sources: [], refresh: 'background' })
 * const probe = createConfigProbe(config)
 *
 * export function answerProbe(path: string): Response {
 *   const isGood = path === '/readiness' ? probe.isReady() : probe.isLive()
 *   return new Response(null, { status: isGood ? 200 : 503 })
 * }
 * ```
 */
export function createConfigProbe(
  client: Pick<ConfigClient<unknown>, 'status' | 'isRunning'>,
  { maxAgeSeconds = Infinity, now = Date.now }: ConfigProbeOptions = {},
): ConfigProbe {
  if (!(maxAgeSeconds >= 1)) {
    throw new RangeError(
      `Cannot create config probe: maxAgeSeconds must be at least 1, received ${maxAgeSeconds}`,
    )
  }
  return {
    isLive: () => client.isRunning(),
    isReady() {
      const { checkedAtMs } = client.status()
      return checkedAtMs !== null && now() - checkedAtMs <= maxAgeSeconds * 1000
    },
  }
}
