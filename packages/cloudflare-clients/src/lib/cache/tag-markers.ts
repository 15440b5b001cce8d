/** Markers are kept for so long in KV, and no value that depends on one for longer. */
export const markerLifetimeMs = 30 * 86_400_000

interface Marker {
  readonly stampMs: number
  readonly checkedAtMs: number
}

/**
 * What this isolate knows of the markers in KV: for each, the stamp up to which what was loaded is invalid.
 *
 * A stamp never goes back, whatever KV shows. Of more than `maxEntries` the markers learned longest ago are forgotten
 * and asked for again.
 */
export class TagMarkers {
  readonly #maxEntries: number
  readonly #markers = new Map<string, Marker>()

  constructor(maxEntries = 10_000) {
    this.#maxEntries = maxEntries
  }

  /** @returns The markers that were not asked for since the time. */
  due(keys: readonly string[], sinceMs: number): string[] {
    return keys.filter((key) => (this.#markers.get(key)?.checkedAtMs ?? 0) <= sinceMs)
  }

  /** @returns The highest stamp of the markers, 0 where none is set. */
  highest(keys: readonly string[]): number {
    return Math.max(0, ...keys.map((key) => this.#markers.get(key)?.stampMs ?? 0))
  }

  learn(key: string, stampMs: number, checkedAtMs: number): void {
    const markers = this.#markers
    const known = this.highest([key])
    markers.delete(key)
    markers.set(key, { stampMs: Math.max(stampMs, known), checkedAtMs })
    if (markers.size <= this.#maxEntries) return
    for (const oldest of markers.keys()) {
      markers.delete(oldest)
      return
    }
  }
}
