import type { ContractIsolate, ContractWorld, HeldWrites, StoredText } from './contract-subject.ts'

/** The clock of a world. A `VirtualClock` is one. */
export interface ContractClock {
  readonly now: () => number
  readonly advance: (ms: number) => Promise<void>
  /** Runs work while the clock moves by itself. Default: just runs it. */
  readonly run?: <T>(work: () => Promise<T>) => Promise<T>
}

/** Where an isolate is, and what it is built with. */
export interface ContractPlace {
  readonly location: string
  /** The namespace as this location sees it. The world counts, holds and fails what goes through it. */
  readonly kv: KVNamespace
  readonly now: () => number
  /** For work that a request leaves behind. */
  readonly waitUntil: (work: Promise<unknown>) => void
  /** For calls to other stores than KV, such as a Durable Object: they fail when stores are to fail. */
  readonly reach: <T>(call: () => Promise<T>) => Promise<T>
}

export interface KVContractWorldOptions {
  /** The namespace by location, two at least. One namespace may stand for all of them. */
  readonly locations: Readonly<Record<string, KVNamespace>>
  readonly clock: ContractClock
  openIsolate(place: ContractPlace): ContractIsolate
  /** What other stores than KV hold. Default: nothing. */
  dump?(): Promise<readonly StoredText[]>
  /** Called after the case. */
  close?(): unknown
}

/**
 * A world for {@link sessionStoreContract} around any `KVNamespace`: a Worker's binding, the locations of the edge simulator, or one over
 * HTTP. It has all that cases need.
 *
 * What is stored is read with `list` and `get` in the first location.
 *
 * @throws {RangeError} When there are not two locations.
 */
export function createKVContractWorld(options: KVContractWorldOptions): ContractWorld {
  return new KVContractWorld(options)
}

class KVContractWorld implements ContractWorld {
  readonly locations: readonly string[]
  readonly #options: KVContractWorldOptions
  readonly #background = new Set<Promise<unknown>>()
  readonly #held = new Map<string, Gate>()
  #writes = 0
  #turnedBackMs = 0
  #isFailing = false

  constructor(options: KVContractWorldOptions) {
    this.#options = options
    this.locations = Object.keys(options.locations)
    if (this.locations.length >= 2) return
    throw new RangeError(
      `Cannot create a session world: locations must be two or more, received ${this.locations.length}`,
    )
  }

  openIsolate(location: string): ContractIsolate {
    const { locations, clock, openIsolate } = this.#options
    const kv = locations[location]
    if (kv === undefined) {
      throw new RangeError(
        `Cannot open isolate: location must be one of ${this.locations.join(', ')}, received ${location}`,
      )
    }
    return openIsolate({
      location,
      kv: this.#watch(kv, location),
      now: () => clock.now() - this.#turnedBackMs,
      waitUntil: (work) => {
        const settled = work.catch(() => undefined).finally(() => this.#background.delete(settled))
        this.#background.add(settled)
      },
      reach: async (call) => {
        this.#failIfAsked()
        return call()
      },
    })
  }

  now(): number {
    return this.#options.clock.now()
  }

  advance(ms: number): Promise<void> {
    return this.#options.clock.advance(ms)
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const { run } = this.#options.clock
    return run === undefined ? work() : run(work)
  }

  async settle(): Promise<void> {
    while (this.#background.size > 0) await this.run(() => Promise.all(this.#background))
  }

  async dump(): Promise<readonly StoredText[]> {
    const [kv] = Object.values(this.#options.locations)
    const stored = [...((await this.#options.dump?.()) ?? [])]
    let cursor: string | undefined
    do {
      const page = await kv?.list(cursor === undefined ? {} : { cursor })
      for (const { name, metadata } of page?.keys ?? []) {
        const value = (await kv?.get(name)) ?? ''
        stored.push({ key: name, value }, { key: name, value: JSON.stringify(metadata ?? null) })
      }
      cursor = page?.list_complete === false ? page.cursor : undefined
    } while (cursor !== undefined)
    return stored
  }

  countWrites(): number {
    return this.#writes
  }

  holdWrites(location: string): HeldWrites {
    const gate = new Gate()
    this.#held.set(location, gate)
    return {
      reached: gate.reached,
      release: () => {
        this.#held.delete(location)
        gate.open()
      },
    }
  }

  failStores(): () => void {
    this.#isFailing = true
    return () => {
      this.#isFailing = false
    }
  }

  turnBack(ms: number): void {
    this.#turnedBackMs += ms
  }

  close(): unknown {
    return this.#options.close?.()
  }

  #watch(kv: KVNamespace, location: string): KVNamespace {
    return new Proxy(kv, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]): Promise<unknown> => {
          this.#failIfAsked()
          if (name === 'put') {
            this.#writes++
            await this.#held.get(location)?.pass()
          }
          return Reflect.apply(member, target, args) as unknown
        }
      },
    })
  }

  #failIfAsked(): void {
    if (this.#isFailing) throw new Error('500 Internal Server Error: stores are made to fail')
  }
}

class Gate {
  readonly #reached = Promise.withResolvers<undefined>()
  readonly #opened = Promise.withResolvers<undefined>()
  readonly reached: Promise<void> = this.#reached.promise

  pass(): Promise<void> {
    this.#reached.resolve(undefined)
    return this.#opened.promise
  }

  open(): void {
    this.#opened.resolve(undefined)
  }
}
