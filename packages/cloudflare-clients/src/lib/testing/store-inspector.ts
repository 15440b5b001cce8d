import { type CentralStore, isExpired } from './central-store.ts'
import { StoredValue } from '../kv/stored-value.ts'

/** What the central store holds of a key. */
export interface StoreEntry {
  readonly text: string
  readonly bytes: Uint8Array
  /** `null` where there is none. */
  readonly metadata: unknown
  /** Seconds of the epoch. `null`: it does not expire. */
  readonly expirationSeconds: number | null
  readonly writtenAtMs: number
  /** Counts the namespace's writes and deletes: a higher number was stored later. */
  readonly version: number
}

/** A namespace's central store, as no location sees it. */
export interface StoreInspector {
  /** The newest value, or `null` where there is none, it was deleted or it has expired. */
  get(key: string): StoreEntry | null
  /** Every key that has a value, in KV's order. */
  keys(): string[]
  /**
   * Stores an entry that every location sees at once, where it has nothing cached: what was there long before the
   * test begins. Not billed, not limited and not checked.
   */
  seed(
    key: string,
    value: string | Uint8Array,
    options?: { readonly metadata?: unknown; readonly expirationSeconds?: number },
  ): void
}

export function createStoreInspector(central: CentralStore, now: () => number): StoreInspector {
  return {
    get: (key) => {
      const version = central.newest(key)
      if (!version?.entry || isExpired(version.entry, now())) return null
      const { value, metadataJson = 'null', expirationSeconds = null } = version.entry
      return {
        text: value.text,
        bytes: value.bytes.slice(),
        metadata: JSON.parse(metadataJson) as unknown,
        expirationSeconds,
        writtenAtMs: version.writtenAtMs,
        version: version.number,
      }
    },
    keys: () => central.liveKeys(),
    seed: (key, value, { metadata, expirationSeconds } = {}) => {
      central.seed(key, {
        value:
          typeof value === 'string'
            ? StoredValue.fromText(value)
            : StoredValue.fromBytes(value.slice()),
        metadataJson: metadata === undefined ? undefined : JSON.stringify(metadata),
        expirationSeconds,
      })
    },
  }
}
