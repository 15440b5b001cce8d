// Each a number in a file of its own, because a bundler then puts the number where it is used.

/** How long a location may go on answering that a key is not there after we wrote it: KV's default `cacheTtl`. */
export const missCachedMs = 60_000
/** Markers are kept for so long in KV, and no value that depends on one for longer: 30 days. */
export const markerLifetimeMs = 2_592_000_000
/** A parsed value takes about twice the bytes of its text, which is held too. */
export const bytesPerCharacter = 3
export const bytesPerEntry = 300
export const defaultMemorySeconds = 30
export const maxBackoffMs = 60_000
/** A load that has not ended by then died with its request: `waitUntil` keeps none alive for longer. */
export const maxLoadingMs = 30_000
export const maxLoadBatch = 100
/** Keys that a definition remembers as built. */
export const maxTexts = 5000
/** What is longer is digested by `keys.cachePrefix`, which a list of the definition's keys goes by. */
export const maxNameBytes = 200
/** How far ahead of ours the clock of whoever wrote an entry may be. */
export const maxClockSkewMs = 60_000

/** The largest share of `maxBytes` that one value may take: it would push out too much for one key's sake. */
export const maxShareOfBytes = 0.125
/** The part of the entries in memory that newcomers have until they are read again. */
export const newcomers = 0.1
/** A value in memory counts so many reads at most. */
export const maxUses = 3
