import { utf8Length } from '../kv/kv-key.ts'
import type { FlagTarget } from './flag-authority-calls.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import type { FlagRow } from './flag-storage.ts'
import type { KnownDefinitions } from './validate-flag.ts'

type StoredDefinition = (FlagDefinition | FlagSegment) & { readonly version: number }

/** Flags and segments by their keys. */
export type FlagRows = ReadonlyMap<string, FlagRow>

export function toKnown(rows: FlagRows): KnownDefinitions {
  return {
    flags: toRecord(rows, 'flag', ({ definition }) => definition as FlagDefinition),
    segments: toRecord(rows, 'segment', ({ definition }) => definition as FlagSegment),
  }
}

/** By `fromEntries`, which makes an own property also of `__proto__`. */
export function toRecord<T>(
  rows: FlagRows,
  kind: FlagTarget['kind'],
  toValue: (row: FlagRow) => T,
): Record<string, T> {
  const entries: [string, T][] = []
  for (const row of rows.values()) if (row.kind === kind) entries.push([row.name, toValue(row)])
  return Object.fromEntries(entries)
}

/** As it is in a ruleset. */
export function toStored({ definition, version }: FlagRow): StoredDefinition {
  return { ...definition, version }
}

export function toKey({ kind, name }: FlagTarget): string {
  return `${kind}:${name}`
}

export function toBytes(value: unknown): number {
  return utf8Length(JSON.stringify(value))
}

export function sumBytes(rows: FlagRows): number {
  let bytes = 0
  for (const row of rows.values()) bytes += toEntryBytes(row)
  return bytes
}

/** With the name, a colon and a comma. */
export function toEntryBytes(row: FlagRow): number {
  return toBytes(row.name) + toBytes(toStored(row)) + 2
}
