import type { VirtualClock } from '../../src/testing.ts'

/** A value that says which version of its key it is. `parts` is there to be frozen, or not to be shared. */
export interface Item {
  readonly key: string
  readonly version: number
  readonly parts: string[]
}

/** What the origin throws, to be told from what a store would. */
export class OriginError extends Error {
  override readonly name = 'OriginError'
}

interface Version {
  readonly number: number
  readonly isMissing: boolean
  /** `Infinity` while it is the newest. */
  untilMs: number
}

/** The truth, which remembers until when every version of a key was the newest. */
export class VersionedOrigin {
  readonly #clock: VirtualClock
  readonly #versions = new Map<string, Version[]>()
  /** Loads that began before then fail. */
  failsUntilMs = 0
  slowUntilMs = 0
  slowMs = 0

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  /** @returns The new version, for who writes it through. */
  save(key: string, { isMissing = false } = {}): Item | null {
    const versions = this.#all(key)
    const last = versions.at(-1)
    if (last !== undefined) last.untilMs = this.#clock.now()
    const number = (last?.number ?? 0) + 1
    versions.push({ number, isMissing, untilMs: Infinity })
    return isMissing ? null : { key, version: number, parts: ['whole'] }
  }

  /** The number of the newest version. */
  newest(key: string): number {
    return this.#all(key).at(-1)?.number ?? 0
  }

  /** When the version, or for `null` any that was missing, was last the newest. */
  lastTrueMs(key: string, item: Item | null): number {
    const version = this.#all(key).findLast(({ number, isMissing }) =>
      item === null ? isMissing : number === item.version,
    )
    return Math.min(version?.untilMs ?? -Infinity, this.#clock.now())
  }

  /** Reads the newest version now, and gives it when the load is over. */
  async load(key: string, signal?: AbortSignal): Promise<Item | null> {
    const { number = 0, isMissing = false } = this.#all(key).at(-1) ?? {}
    const beganMs = this.#clock.now()
    const fails = beganMs < this.failsUntilMs
    const delayMs = beganMs < this.slowUntilMs ? this.slowMs : 30
    const aborted = new Promise<void>((resolve) => {
      signal?.addEventListener('abort', () => {
        resolve()
      })
    })
    await Promise.race([this.#clock.sleep(delayMs), aborted])
    if (fails) throw new OriginError(`no ${key}`)
    return isMissing ? null : { key, version: number, parts: ['whole'] }
  }

  #all(key: string): Version[] {
    let versions = this.#versions.get(key)
    if (versions === undefined) {
      versions = [{ number: 1, isMissing: false, untilMs: Infinity }]
      this.#versions.set(key, versions)
    }
    return versions
  }
}
