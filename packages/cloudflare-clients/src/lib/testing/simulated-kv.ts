import {
  type BindingPage,
  createBindingKV,
  type FoundValue,
  type KVBackend,
} from '../kv/binding-kv.ts'
import { type BulkEntry, bulkReadTooLarge } from '../kv/bulk-answer.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import type { StoredValue } from '../kv/stored-value.ts'
import type { StoredEntry } from './central-store.ts'
import { decodeCursor, encodeCursor } from './list-cursor.ts'
import type { Call, LocationStore } from './location-store.ts'

/** What a bulk read found, with the bytes that are counted. */
interface SimulatedBulkEntry extends BulkEntry {
  readonly value: StoredValue
}

/** A namespace seen from one location. */
export function createSimulatedKV(store: LocationStore): KVNamespace {
  const backend: KVBackend<Call> = {
    now: () => store.now(),
    begin: ({ type, request, names }) => store.begin(type, { request, names }),
    async read(call, key, { cacheTtlSeconds }) {
      const [answer] = await store.read(call, [key], cacheTtlSeconds)
      const cached = answer?.isCached === true ? 'HIT' : 'MISS'
      const cacheStatus = store.hasCaches ? cached : null
      const entry = answer?.entry ?? null
      if (entry === null) return { value: null, metadata: null, cacheStatus }
      return { value: toFoundValue(entry.value), metadata: toMetadata(entry), cacheStatus }
    },
    async readMany(call, keys, { cacheTtlSeconds }) {
      const answers = await store.read(call, keys, cacheTtlSeconds)
      return answers.map(({ entry }) => (entry === null ? null : toBulkEntry(entry)))
    },
    assertBulkSize,
    write: (call, key, { value, metadataJson, expirationSeconds }) =>
      store.write(call, key, { value, metadataJson, expirationSeconds }),
    delete: (call, key) => store.write(call, key, null),
    async list(call, { prefix, cursor, limit }): Promise<BindingPage> {
      const page = await store.list(call, { prefix, after: decodeCursor(cursor), limit })
      return {
        keys: page.keys.map(({ key, entry }) => toListKey(key, entry)),
        cursor: page.after === null ? null : encodeCursor(page.after),
      }
    },
  }
  return createBindingKV(backend)
}

function toFoundValue(value: StoredValue): FoundValue {
  return {
    text: () => value.text,
    bytes: () => value.bytes,
    stream: () => new Response(value.bytes.slice()).body,
    discard: () => undefined,
  }
}

function toMetadata({ metadataJson = 'null' }: StoredEntry): unknown {
  return JSON.parse(metadataJson) as unknown
}

function toBulkEntry(entry: StoredEntry): SimulatedBulkEntry {
  const { value } = entry
  return {
    value,
    metadata: toMetadata(entry),
    // Decoded only if somebody reads it.
    get text() {
      return value.text
    },
  }
}

function assertBulkSize(entries: readonly (BulkEntry | null)[]): void {
  const values = (entries as readonly (SimulatedBulkEntry | null)[]).flatMap((entry) =>
    entry === null ? [] : [entry.value],
  )
  const sum = (size: (value: StoredValue) => number): number =>
    values.reduce((total, value) => total + size(value), 0)
  if (sum((value) => value.sizeAtMost) <= kvLimits.maxValueBytes) return
  if (sum((value) => value.bytes.byteLength) <= kvLimits.maxValueBytes) return
  throw bulkReadTooLarge()
}

function toListKey(name: string, entry: StoredEntry): KVNamespaceListKey<unknown> {
  const { expirationSeconds, metadataJson } = entry
  return {
    name,
    ...(expirationSeconds !== undefined && { expiration: expirationSeconds }),
    ...(metadataJson !== undefined && { metadata: JSON.parse(metadataJson) as unknown }),
  }
}
