import { AsyncLocalStorage } from 'node:async_hooks'
import type { CacheDefinition, CacheRead } from '@codex/cloudflare-clients'
import type { ServiceCache } from '@codex/core-services'

/** What came of one read of the cache. */
export interface NotedRead extends Pick<CacheRead<unknown>, 'status' | 'tier' | 'ageMs'> {
  /** The definition's name. */
  readonly name: string
  readonly durationMs: number
}

/** Reads of one definition that came to the same. */
export interface CacheReadLine extends Pick<NotedRead, 'name' | 'status' | 'tier'> {
  readonly reads: number
  /** How long ago the oldest of the values was loaded. */
  readonly ageMs: number
}

/**
 * Notes what each request reads from the cache, and how fresh it was.
 *
 * The services define their values once for an isolate and serve many requests at a time, so a read finds its request
 * through AsyncLocalStorage.
 */
export class CacheReads {
  readonly #current = new AsyncLocalStorage<NotedRead[]>()
  readonly #now: () => number
  readonly #names: string[] = []

  /** @param options `now`: a clock that never goes back, in ms. Default `performance.now`. */
  constructor({ now = () => performance.now() }: { readonly now?: () => number } = {}) {
    this.#now = now
  }

  /** The names of what was defined so far, read or not. */
  get names(): readonly string[] {
    return this.#names
  }

  /** Runs `work` with its reads noted in `reads`, also those it makes after awaiting. */
  run<Result>(reads: NotedRead[], work: () => Result): Result {
    return this.#current.run(reads, work)
  }

  /** A cache whose definitions note each of their reads. */
  observe(cache: ServiceCache): ServiceCache {
    return {
      define: (name, options) => {
        const definition = this.#observed(cache.define(name, options))
        this.#names.push(name)
        return definition
      },
    }
  }

  #observed<Id, T>(definition: CacheDefinition<Id, T>): CacheDefinition<Id, T> {
    const read: typeof definition.read = async (id) => {
      const startedMs = this.#now()
      const result = await definition.read(id)
      const { status, tier, ageMs } = result
      const durationMs = this.#now() - startedMs
      this.#current.getStore()?.push({ name: definition.name, status, tier, ageMs, durationMs })
      return result
    }
    const get: typeof definition.get = async (id) => (await read(id)).value
    return {
      ...definition,
      read,
      get,
      async getMany(ids) {
        const reads = Array.from(ids, async (id) => [id, await get(id)] as const)
        return new Map(await Promise.all(reads))
      },
    }
  }
}

/** The reads so far in few lines, in the order in which they came. */
export function summarizeReads(reads: readonly NotedRead[]): CacheReadLine[] {
  const lines = new Map<string, CacheReadLine>()
  for (const { name, status, tier, ageMs } of reads) {
    const key = `${name} ${status} ${tier}`
    const before = lines.get(key)
    const oldestMs = Math.max(ageMs, before?.ageMs ?? 0)
    lines.set(key, { name, status, tier, reads: (before?.reads ?? 0) + 1, ageMs: oldestMs })
  }
  return [...lines.values()]
}
