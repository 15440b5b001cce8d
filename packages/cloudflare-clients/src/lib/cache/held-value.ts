/** When a value was loaded, and until when it is fresh, in epoch ms. */
export interface ValueTimes {
  /** When its load began: nothing may say that the value is younger. */
  readonly loadedAtMs: number
  readonly loadMs: number
  readonly freshUntilMs: number
}

/** A value as an isolate holds it. */
export interface HeldValue<T> extends ValueTimes {
  /** `null` is a negative entry. */
  readonly value: T | null
  readonly text: string
  /** Where it was found. */
  readonly tier: 'memory' | 'location' | 'kv' | 'origin'
  /** Until when KV's copy is fresh, as far as is known. 0 where KV has none. */
  readonly storedUntilMs: number
  /** When this isolate wrote it to KV. Missing where it did not. */
  readonly writtenAtMs?: number
  /** When KV is to be asked again. Only what is in memory has it. */
  readonly checkAtMs?: number
}
