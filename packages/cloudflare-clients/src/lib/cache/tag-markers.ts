interface Marker {
  readonly stampMs: number
  readonly checkedAtMs: number
}

/**
 * What this isolate knows of the markers in KV: for each, the stamp up to which what was loaded is invalid.
 *
 * A stamp never goes back, whatever KV shows. Of more than `maxEntries` the markers learned longest ago are forgotten and
 * asked for again.
 */
export class TagMarkers {
  readonly #maxEntries: number
  readonly #markers = new Map<string, Marker>()
  #generation = 0

  constructor(maxEntries = 10_000) {
    this.#maxEntries = maxEntries
  }

  /** Changes whenever any stamp does: what was found valid under a generation is valid as long as it lasts. */
  get generation(): number {
    return this.#generation
  }

  /** @returns The markers that were not asked for since the time. */
  due(keys: readonly string[], sinceMs: number): string[] {
    return keys.filter((key) => !((this.#markers.get(key)?.checkedAtMs ?? 0) > sinceMs))
  }

  /** @returns The highest stamp of the markers, 0 where none is set. */
  highest(keys: readonly string[]): number {
    let stampMs = 0
    for (const key of keys) stampMs = Math.max(stampMs, this.#markers.get(key)?.stampMs ?? 0)
    return stampMs
  }

  learn(key: string, { stampMs, checkedAtMs }: Marker): void {
    const knownMs = this.#markers.get(key)?.stampMs ?? 0
    if (stampMs > knownMs) this.#generation++
    this.#markers.delete(key)
    this.#markers.set(key, { stampMs: Math.max(stampMs, knownMs), checkedAtMs })
    if (this.#markers.size <= this.#maxEntries) return
    for (const oldest of this.#markers.keys()) {
      this.#markers.delete(oldest)
      return
    }
  }
}
