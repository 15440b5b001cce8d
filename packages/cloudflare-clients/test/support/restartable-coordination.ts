import type {
  CoordinationCalls,
  CoordinationNamespace,
} from '../../src/lib/coordination/coordination-calls.ts'
import { CoordinationAuthority } from '../../src/lib/coordination/coordination-authority.ts'
import { MemoryStorage } from '../../src/lib/coordination/memory-storage.ts'
import type { VirtualClock } from '../../src/testing.ts'

interface RestartableOptions {
  readonly clock: VirtualClock
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number
  /** Of requests, and of replies. */
  readonly lossRate: number
  readonly maxLatencyMs: number
  /** Every so often the object restarts. `0`: never. */
  readonly restartMs: number
}

/** One run of the object, from a start to the next. */
interface Life {
  readonly authority: CoordinationAuthority
  readonly ended: Promise<never>
  readonly end: () => void
}

/** One object behind a network that delays and loses, and that forgets now and then all that it has not stored. */
export class RestartableCoordination implements CoordinationNamespace {
  readonly #options: RestartableOptions
  readonly #storage = new MemoryStorage()
  #life: Life
  #restartTimer: unknown

  constructor(options: RestartableOptions) {
    this.#options = options
    this.#life = this.#begin()
  }

  getByName(): CoordinationCalls {
    const call =
      <Args extends unknown[], T>(
        of: (calls: CoordinationCalls) => (...args: Args) => Promise<T>,
      ) =>
      async (...args: Args): Promise<T> => {
        await this.#travel()
        const { authority, ended } = this.#life
        const result = await Promise.race([of(authority).apply(authority, args), ended])
        await this.#travel()
        return result
      }
    return {
      acquire: call(({ acquire }) => acquire),
      renew: call(({ renew }) => renew),
      release: call(({ release }) => release),
      settle: call(({ settle }) => settle),
      getStatus: call(({ getStatus }) => getStatus),
      count: call(({ count }) => count),
      getTotal: call(({ getTotal }) => getTotal),
      resetTotal: call(({ resetTotal }) => resetTotal),
    }
  }

  /** Begins to restart. */
  start(): void {
    const { clock, restartMs } = this.#options
    if (restartMs === 0) return
    this.#restartTimer = clock.setTimeout(() => {
      this.#life.end()
      this.#life = this.#begin()
      this.start()
    }, restartMs)
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#restartTimer)
  }

  #begin(): Life {
    const { clock } = this.#options
    let isOver = false
    const timers = {
      setTimeout: (callback: () => void, delayMs: number) =>
        clock.setTimeout(() => {
          // What has ended decides nothing more.
          if (!isOver) callback()
        }, delayMs),
      clearTimeout: clock.clearTimeout,
    }
    const authority = new CoordinationAuthority(this.#storage, { now: clock.now, timers })
    const { promise: ended, reject } = Promise.withResolvers<never>()
    ended.catch(() => undefined)
    const end = (): void => {
      isOver = true
      reject(new Error('restarted'))
    }
    return { authority, ended, end }
  }

  async #travel(): Promise<void> {
    const { clock, random, lossRate, maxLatencyMs } = this.#options
    await clock.sleep(Math.floor(random() * maxLatencyMs))
    if (random() >= lossRate) return
    // Half of what is lost is noticed.
    if (random() < 0.5) throw new Error('network')
    await new Promise(() => undefined)
  }
}
