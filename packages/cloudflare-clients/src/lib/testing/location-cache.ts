import { isExpired, type Version } from './central-store.ts'

interface CachedRead {
  /** `undefined`: the read found nothing. */
  readonly version: Version | undefined
  readonly readAtMs: number
  ttlMs: number
}

/** What one location keeps of what it read, misses too. */
export class LocationCache {
  readonly #reads = new Map<string, CachedRead>()

  /**
   * The cached read, where it is young enough for this reader. A lower `cacheTtl` than the one it was cached with
   * shortens it for everybody; a higher one does not lengthen it. A value that has expired is not served.
   *
   * @see https://developers.cloudflare.com/kv/api/read-key-value-pairs/
   */
  find(key: string, cacheTtlSeconds: number, nowMs: number): CachedRead | undefined {
    const read = this.#reads.get(key)
    if (read === undefined) return undefined
    read.ttlMs = Math.min(read.ttlMs, cacheTtlSeconds * 1000)
    const entry = read.version?.entry
    if (nowMs < read.readAtMs + read.ttlMs && !(entry && isExpired(entry, nowMs))) return read
    this.#reads.delete(key)
    return undefined
  }

  fill(
    key: string,
    version: Version | undefined,
    options: { readAtMs: number; cacheTtlSeconds: number },
  ): void {
    const { readAtMs, cacheTtlSeconds } = options
    this.#reads.set(key, { version, readAtMs, ttlMs: cacheTtlSeconds * 1000 })
  }

  forget(key: string): void {
    this.#reads.delete(key)
  }

  clear(): void {
    this.#reads.clear()
  }
}
