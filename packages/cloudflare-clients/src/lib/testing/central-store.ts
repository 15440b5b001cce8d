import { compareUtf8 } from '../kv/compare-utf8.ts'
import type { Consistency } from './consistency.ts'
import { delayAt } from './delay-distribution.ts'
import { createDraw } from './seeded-random.ts'
import type { StoredValue } from '../kv/stored-value.ts'

/** What one write left. */
export interface StoredEntry {
  readonly value: StoredValue
  readonly metadataJson: string | undefined
  readonly expirationSeconds: number | undefined
}

export interface Version {
  /** Counts the namespace's writes. */
  readonly number: number
  /** `null`: deleted. */
  readonly entry: StoredEntry | null
  readonly writtenAtMs: number
  /** Index of the location that wrote it, or that of nobody. */
  readonly writer: number
}

interface KeyRecord {
  /** Oldest first. All but the newest are kept only while some location may still have to see them. */
  readonly versions: Version[]
  /** Of a Worker. */
  lastWriteMs: number
}

const nobody = -1

interface CentralStoreOptions {
  readonly seed: string
  readonly locationCount: number
  readonly consistency: Consistency
  readonly now: () => number
}

export interface ListedPage {
  readonly keys: readonly { readonly key: string; readonly entry: StoredEntry }[]
  /** Where the next page starts. `null`: there is none. */
  readonly after: string | null
}

export function isExpired(entry: StoredEntry, nowMs: number): boolean {
  return entry.expirationSeconds !== undefined && entry.expirationSeconds * 1000 <= nowMs
}

/** The store that every location writes to, with the time at which each location sees what was written. */
export class CentralStore {
  readonly #records = new Map<string, KeyRecord>()
  readonly #options: CentralStoreOptions
  readonly #drawDelay: (version: number, location: number) => number
  readonly #drawOwn: (version: number, location: number) => number
  #sortedKeys: string[] | null = null
  #lastNumber = 0

  constructor(options: CentralStoreOptions) {
    this.#options = options
    this.#drawDelay = createDraw(`${options.seed}/propagation`)
    this.#drawOwn = createDraw(`${options.seed}/read-your-writes`)
  }

  /** When the key was last written, or deleted. */
  lastWriteMs(key: string): number {
    return this.#records.get(key)?.lastWriteMs ?? -Infinity
  }

  write(key: string, entry: StoredEntry | null, writer: number): Version {
    const writtenAtMs = this.#options.now()
    const version = { number: ++this.#lastNumber, entry, writtenAtMs, writer }
    const record = this.#records.get(key) ?? this.#addRecord(key)
    record.versions.push(version)
    if (writer !== nobody) record.lastWriteMs = writtenAtMs
    this.#forgetOld(record.versions)
    return version
  }

  /** Stores an entry that every location sees at once, as if it had been there for long. */
  seed(key: string, entry: StoredEntry): void {
    this.write(key, entry, nobody)
  }

  /** Whether the location that wrote the version sees it at once. */
  isReadByWriter(version: Version): boolean {
    const { readYourWrites } = this.#options.consistency
    return this.#drawOwn(version.number, version.writer) < readYourWrites
  }

  /** When a location without a cached value begins to see a version. */
  visibleAtMs(version: Version, location: number): number {
    const { writer, number, writtenAtMs } = version
    if (writer === nobody) return writtenAtMs
    if (writer === location && this.isReadByWriter(version)) return writtenAtMs
    return (
      writtenAtMs +
      delayAt(this.#options.consistency.propagation, this.#drawDelay(number, location))
    )
  }

  /** The newest version that a location without a cached value sees, deletions too. */
  read(key: string, location: number): Version | undefined {
    const nowMs = this.#options.now()
    return this.#records
      .get(key)
      ?.versions.findLast((version) => this.visibleAtMs(version, location) <= nowMs)
  }

  /** What the store itself holds, whatever any location sees. */
  newest(key: string): Version | undefined {
    return this.#records.get(key)?.versions.at(-1)
  }

  /** Every key that has a value, in KV's order. */
  liveKeys(): string[] {
    const nowMs = this.#options.now()
    return this.#sortKeys().filter((key) => {
      const entry = this.newest(key)?.entry
      return entry && !isExpired(entry, nowMs)
    })
  }

  list(
    page: { readonly prefix: string; readonly after: string; readonly limit: number },
    location: number,
  ): ListedPage {
    const { prefix, after, limit } = page
    const keys = this.#sortKeys()
    const found: { key: string; entry: StoredEntry }[] = []
    let taken = 0
    let lastKey = ''
    for (let at = firstAfter(keys, after, prefix); at < keys.length; at++) {
      const key = keys[at] ?? ''
      if (!key.startsWith(prefix)) break
      const entry = this.#listed(key, location)
      if (entry === null) continue
      if (taken === limit) return { keys: found, after: lastKey }
      if (entry !== 'tombstone') found.push({ key, entry })
      lastKey = key
      taken++
    }
    return { keys: found, after: null }
  }

  #addRecord(key: string): KeyRecord {
    const record: KeyRecord = { versions: [], lastWriteMs: -Infinity }
    this.#records.set(key, record)
    this.#sortedKeys = null
    return record
  }

  #listed(key: string, location: number): StoredEntry | 'tombstone' | null {
    const version = this.read(key, location)
    if (version === undefined) return null
    const nowMs = this.#options.now()
    const { entry, writtenAtMs } = version
    if (entry !== null && !isExpired(entry, nowMs)) return entry
    const endedAtMs = entry === null ? writtenAtMs : (entry.expirationSeconds ?? 0) * 1000
    const isRecent = nowMs < endedAtMs + this.#options.consistency.tombstoneSeconds * 1000
    return isRecent ? 'tombstone' : null
  }

  #sortKeys(): string[] {
    return (this.#sortedKeys ??= [...this.#records.keys()].sort(compareUtf8))
  }

  /** Drops what no location can see any more, because a newer version is visible in all of them. */
  #forgetOld(versions: Version[]): void {
    const nowMs = this.#options.now()
    const isVisibleEverywhere = (version: Version): boolean => {
      for (let location = 0; location < this.#options.locationCount; location++) {
        if (this.visibleAtMs(version, location) > nowMs) return false
      }
      return true
    }
    let keptFrom = versions.length - 1
    while (keptFrom > 0) {
      const version = versions[keptFrom]
      if (version !== undefined && isVisibleEverywhere(version)) break
      keptFrom--
    }
    versions.splice(0, keptFrom)
  }
}

/** Index of the first key that comes after one and is not before the prefix. */
function firstAfter(keys: readonly string[], after: string, prefix: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    const key = keys[middle] ?? ''
    if (compareUtf8(key, after) <= 0 || compareUtf8(key, prefix) < 0) low = middle + 1
    else high = middle
  }
  return low
}
