import type { BackendUsage } from './backend-usage.ts'

/** How far from the true round trip a single one may be, as a share of it. */
const jitter = 0.1

export interface SimulatedNetworkOptions {
  readonly sleep: (ms: number) => Promise<void>
  readonly random: () => number
  readonly usage: BackendUsage
  /** The round trip from each location to the one place where the authority or the Redis is. */
  readonly roundTripMs: readonly number[]
}

/** The way from the locations to the one place that has the truth. */
export class SimulatedNetwork {
  readonly usage: BackendUsage
  readonly #options: SimulatedNetworkOptions

  constructor(options: SimulatedNetworkOptions) {
    this.usage = options.usage
    this.#options = options
  }

  /** Does something at the far end, half a round trip from now, and brings its answer back. */
  async call<T>(location: number, work: () => T): Promise<Awaited<T>> {
    const { sleep, random, roundTripMs } = this.#options
    const oneWay = async (): Promise<void> => {
      const meanMs = (roundTripMs[location] ?? 0) / 2
      await sleep(meanMs * (1 - jitter + 2 * jitter * random()))
    }
    await oneWay()
    this.usage.countRequest()
    const answer = await work()
    await oneWay()
    return answer
  }
}
