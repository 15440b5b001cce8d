/** What a tier keeps of an entry: the text and the metadata that KV has of it, unchanged. */
export interface TierEntry {
  readonly text: string
  /** Plain JSON. */
  readonly metadata: unknown
}

/**
 * A tier between an isolate's memory and KV, such as `cacheApiTier()`.
 *
 * It may forget an entry at any time and may serve one until its TTL has passed, also after another location deleted
 * it. It decides nothing: what is fresh or stale stands in the metadata. A tier that fails rejects; the cache takes
 * that for a miss and reports it.
 */
export interface CacheTier {
  /** @returns The entry, or `null` where the tier has none. */
  read(key: string): Promise<TierEntry | null>
  /** @param ttlSeconds Above 0. The tier must not give the entry out for longer. */
  write(key: string, entry: TierEntry, ttlSeconds: number): Promise<void>
  delete(key: string): Promise<void>
}
