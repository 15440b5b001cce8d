import type { EntryControl } from '../kv/kv-entry.ts'

/** A value as an isolate holds it. */
export interface HeldValue<T> {
  /** Frozen. `null` is a negative entry. */
  readonly value: T | null
  readonly text: string
  /** When its load began: nothing may say that the value is younger. */
  readonly loadedAtMs: number
  readonly loadMs: number
  readonly freshUntilMs: number
  /** Until when KV's copy is fresh, as far as is known. 0 where KV has none. */
  readonly storedUntilMs: number
  /** When this isolate wrote it to KV, 0 where it did not. */
  readonly writtenAtMs: number
  /** When KV is to be asked again. */
  checkAtMs: number
  /** Until when, and as of which generation of invalidations, it is served without a thought. */
  quietUntilMs: number
  generation: number
}

/** What a definition notes in the metadata of an entry. */
export interface DefinitionControl {
  readonly loadedAtMs: number
  readonly freshUntilMs: number
  readonly loadMs: number
  readonly version: number
  readonly encodings: readonly string[]
}

/** How far ahead of ours the clock of whoever wrote an entry may be. */
const maxClockSkewMs = 60_000

/** @returns `null` where the entry is not one that a definition wrote, or comes from the future. */
export function readControl(control: EntryControl | null, nowMs: number): DefinitionControl | null {
  const { loadedAtMs, freshUntilMs, loadMs = 0, version = 1, encodings = [] } = control ?? {}
  const isReadable =
    typeof loadedAtMs === 'number' &&
    typeof freshUntilMs === 'number' &&
    typeof loadMs === 'number' &&
    typeof version === 'number' &&
    Array.isArray(encodings)
  if (!isReadable || loadedAtMs > nowMs + maxClockSkewMs) return null
  return { loadedAtMs, freshUntilMs, loadMs, version, encodings: encodings.map(String) }
}
