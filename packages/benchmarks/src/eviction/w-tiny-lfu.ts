import type { Policy } from './policy.ts'

const windowShare = 0.01
const protectedShare = 0.8
const maxCount = 15
const rows = 4

/** A count-min sketch that halves its counts after ten times as many uses as there are entries. */
class Sketch {
  readonly #counts: Uint8Array
  readonly #mask: number
  readonly #usesUntilHalving: number
  #uses = 0

  constructor(maxEntries: number) {
    const width = 2 ** Math.ceil(Math.log2(maxEntries * 4))
    this.#counts = new Uint8Array(width * rows)
    this.#mask = width - 1
    this.#usesUntilHalving = maxEntries * 10
  }

  add(key: string): void {
    let hash = hashOf(key)
    for (let row = 0; row < rows; row++) {
      const at = row * (this.#mask + 1) + (hash & this.#mask)
      const count = this.#counts[at] ?? 0
      if (count < maxCount) this.#counts[at] = count + 1
      hash = mix(hash)
    }
    if (++this.#uses < this.#usesUntilHalving) return
    this.#uses = 0
    for (const [at, count] of this.#counts.entries()) this.#counts[at] = count >> 1
  }

  estimate(key: string): number {
    let hash = hashOf(key)
    let least = maxCount
    for (let row = 0; row < rows; row++) {
      least = Math.min(least, this.#counts[row * (this.#mask + 1) + (hash & this.#mask)] ?? 0)
      hash = mix(hash)
    }
    return least
  }
}

function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return mix(hash)
}

function mix(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39)
}

/** Keys in the order of their last use. */
class Segment extends Map<string, number> {
  shift(): [string, number] | undefined {
    const [oldest] = this
    if (oldest) this.delete(oldest[0])
    return oldest
  }
}

/** W-TinyLFU in its usual shares: a window for newcomers, and a main part that a newcomer enters when it is used more often. */
export class WTinyLfu implements Policy {
  readonly #sketch: Sketch
  readonly #window = new Segment()
  readonly #probation = new Segment()
  readonly #protected = new Segment()
  readonly #maxWindow: number
  readonly #maxMain: number

  constructor(maxEntries: number) {
    this.#sketch = new Sketch(maxEntries)
    this.#maxWindow = Math.max(1, Math.round(maxEntries * windowShare))
    this.#maxMain = maxEntries - this.#maxWindow
  }

  get size(): number {
    return this.#window.size + this.#probation.size + this.#protected.size
  }

  get(key: string): number | undefined {
    this.#sketch.add(key)
    for (const segment of [this.#window, this.#protected]) {
      const value = segment.get(key)
      if (value === undefined) continue
      segment.delete(key)
      segment.set(key, value)
      return value
    }
    const value = this.#probation.get(key)
    if (value === undefined) return undefined
    this.#probation.delete(key)
    this.#protected.set(key, value)
    if (this.#protected.size > this.#maxMain * protectedShare) {
      const demoted = this.#protected.shift()
      if (demoted) this.#probation.set(...demoted)
    }
    return value
  }

  set(key: string, value: number): void {
    for (const segment of [this.#window, this.#protected, this.#probation]) {
      if (!segment.has(key)) continue
      segment.set(key, value)
      return
    }
    this.#window.set(key, value)
    if (this.#window.size <= this.#maxWindow) return
    const candidate = this.#window.shift()
    if (candidate === undefined) return
    if (this.#probation.size + this.#protected.size < this.#maxMain) {
      this.#probation.set(...candidate)
      return
    }
    const [victim] = this.#probation.size > 0 ? this.#probation : this.#protected
    if (victim === undefined) return
    if (this.#sketch.estimate(candidate[0]) <= this.#sketch.estimate(victim[0])) return
    if (!this.#probation.delete(victim[0])) this.#protected.delete(victim[0])
    this.#probation.set(...candidate)
  }
}
