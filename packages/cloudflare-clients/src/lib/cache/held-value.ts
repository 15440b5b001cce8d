import { type EntryMetadata, type KVEntry, toOwnMetadata } from '../kv/kv-entry.ts'

/** When a value was loaded, and until when it is fresh, in epoch ms. */
export interface Timing {
  /** When its load began: nothing may say that the value is younger. */
  readonly loadedAtMs: number
  readonly loadMs: number
  readonly freshUntilMs: number
}

/** A value as an isolate holds it. */
export interface HeldValue<T> extends Timing {
  /** Frozen. `null` is a negative entry. */
  readonly value: T | null
  readonly text: string
  /** Until when KV's copy is fresh, as far as is known. 0 where KV has none. */
  readonly storedUntilMs: number
  /** When this isolate wrote it to KV, 0 where it did not. */
  readonly writtenAtMs: number
  /** When KV is to be asked again. */
  readonly checkAtMs: number
  /** Until when, and as of which generation of invalidations, it is served without a thought. */
  quietUntilMs: number
  generation: number
}

/** What a definition notes in the metadata of an entry. */
export interface DefinitionControl extends Timing {
  readonly version: number
  readonly encodings: readonly string[]
}

/** @returns The control as metadata: what says the usual is left out, because every byte of it is read with the value. */
export function toControlMetadata(control: DefinitionControl): Timing {
  const { loadedAtMs, loadMs, freshUntilMs, version, encodings } = control
  return {
    loadedAtMs,
    freshUntilMs,
    ...(loadMs > 0 && { loadMs }),
    ...(version !== 1 && { version }),
    ...(encodings.length > 0 && { encodings }),
  } as Timing
}

/** How far ahead of ours the clock of whoever wrote an entry may be. */
const maxClockSkewMs = 60_000

/** @returns `null` where the entry is not one that a definition wrote, or comes from the future. */
export function readControl(entry: KVEntry, nowMs: number): DefinitionControl | null {
  const own: Partial<EntryMetadata> = toOwnMetadata(entry.metadata) ?? {}
  const { loadedAtMs, loadMs = 0, freshUntilMs, version = 1, encodings = [] } = own
  const isReadable =
    typeof loadedAtMs === 'number' &&
    typeof loadMs === 'number' &&
    typeof freshUntilMs === 'number' &&
    typeof version === 'number' &&
    Array.isArray(encodings) &&
    loadedAtMs <= nowMs + maxClockSkewMs
  return isReadable ? { loadedAtMs, loadMs, freshUntilMs, version, encodings } : null
}
