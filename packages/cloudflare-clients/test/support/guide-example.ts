import { CacheClient } from '../../src/cache.ts'
import { meterKV, type KVOperation } from '../../src/index.ts'
import { createEdgeSimulator, createVirtualClock, type VirtualClock } from '../../src/testing.ts'

/** The database of the examples: its titles carry a version, and it can be down. */
class ExampleDatabase {
  version = 1
  isDown = false
  loads = 0
  saves = 0
  readonly positions = new Map<string, number>()

  title(slug: string): Promise<string> {
    return this.#answer(`${slug}, version ${this.version}`)
  }

  titles(slugs: readonly string[]): Promise<Map<string, string>> {
    return this.#answer(new Map(slugs.map((slug) => [slug, `${slug}, version ${this.version}`])))
  }

  findTitle(slug: string): Promise<string | null> {
    return this.#answer(slug === 'typo' ? null : slug)
  }

  page(slug: string): Promise<{ body: string }> {
    return this.#answer({ body: slug.repeat(2500) })
  }

  save(_slug: string, version: number): Promise<void> {
    this.version = version
    return Promise.resolve()
  }

  position(userId: string): Promise<number> {
    return this.#answer(this.positions.get(userId) ?? 0)
  }

  savePositions(
    entries: readonly { readonly id: string; readonly value: number }[],
  ): Promise<void> {
    this.saves++
    for (const { id, value } of entries) this.positions.set(id, value)
    return Promise.resolve()
  }

  #answer<T>(value: T): Promise<T> {
    this.loads++
    return this.isDown ? Promise.reject(new Error('database down')) : Promise.resolve(value)
  }
}

export interface GuideExample {
  readonly cache: CacheClient
  /** A client of another isolate, on the same KV. */
  readonly reopen: () => CacheClient
  readonly database: ExampleDatabase
  readonly clock: VirtualClock
  readonly waitUntil: (work: Promise<unknown>) => void
  /** Lets the background work end. */
  readonly settle: () => Promise<void>
  /** The KV operations so far. */
  readonly billed: () => Record<KVOperation['type'], number>
}

/** What the guide's examples stand on: one location of the edge simulator, and a clock that they move. */
export function createExample(): GuideExample {
  const clock = createVirtualClock({ turnsPerStep: 20 })
  const simulator = createEdgeSimulator({ locations: ['AMS'], consistency: 'strong', clock })
  const billed = { read: 0, write: 0, delete: 0, list: 0 }
  const kv = meterKV(simulator.location('AMS').kv('CACHE_KV'), ({ type, keys }) => {
    billed[type] += keys
  })
  const background = new Set<Promise<unknown>>()
  const waitUntil = (work: Promise<unknown>): void => {
    background.add(work)
    const forget = (): void => {
      background.delete(work)
    }
    work.then(forget, forget)
  }
  const open = (): CacheClient =>
    new CacheClient(kv, {
      waitUntil,
      now: clock.now,
      timers: clock,
      random: () => 0,
      onEvent: () => undefined,
    })
  return {
    cache: open(),
    reopen: open,
    database: new ExampleDatabase(),
    clock,
    waitUntil,
    settle: () =>
      clock.run(async () => {
        while (background.size > 0) await Promise.allSettled(background)
      }),
    billed: () => ({ ...billed }),
  }
}
