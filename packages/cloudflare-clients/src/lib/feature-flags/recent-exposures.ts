import { sha256Base64Url } from '../shared/sha256.ts'

interface SeenVariant {
  readonly flag: string
  readonly variant: string | undefined
  readonly flagVersion: number
  /** Who saw it. Everybody without a name is the same. */
  readonly unit: string | undefined
}

/** A longer one is whatever a client sent, and keeping many of them would fill the isolate's memory. */
const maxUnitLength = 64

/** What was seen a short while ago, in bounded memory. */
export class RecentExposures {
  readonly #forMs: number
  readonly #maxEntries: number
  readonly #seenAtMs = new Map<string, number>()

  constructor({ forMs, maxEntries }: { readonly forMs: number; readonly maxEntries: number }) {
    this.#forMs = forMs
    this.#maxEntries = maxEntries
  }

  /** @returns `null` where it is remembered; otherwise what to {@link forget} it by. */
  remember({ flag, variant, flagVersion, unit = '' }: SeenVariant, atMs: number): string | null {
    const shortUnit = unit.length > maxUnitLength ? sha256Base64Url(unit) : unit
    // With their lengths, so that no two join into the same text.
    const key = `${flagVersion} ${flag.length} ${variant?.length ?? '-'} ${flag}${variant ?? ''}${shortUnit}`
    const seenAtMs = this.#seenAtMs.get(key)
    if (seenAtMs !== undefined && atMs - seenAtMs < this.#forMs) return null
    this.#seenAtMs.delete(key)
    this.#seenAtMs.set(key, atMs)
    if (this.#seenAtMs.size > this.#maxEntries) {
      for (const oldest of this.#seenAtMs.keys()) {
        this.#seenAtMs.delete(oldest)
        break
      }
    }
    return key
  }

  forget(key: string): void {
    this.#seenAtMs.delete(key)
  }
}
