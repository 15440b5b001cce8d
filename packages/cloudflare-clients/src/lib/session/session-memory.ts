import { LruMap } from './lru-map.ts'
import type { SessionRefusal } from './session-authority-calls.ts'
import { mergeCopies, type SessionCopy } from './session-copy.ts'

/** A token that no later answer makes good. */
export interface RefusedToken {
  readonly refusal: SessionRefusal
  readonly atMs: number
}

/** What one isolate knows of tokens, by their hashes. No clock, no I/O. */
export class SessionMemory {
  readonly #copies: LruMap<SessionCopy>
  readonly #refusals: LruMap<RefusedToken>

  constructor(maxEntries: number) {
    this.#copies = new LruMap(maxEntries)
    this.#refusals = new LruMap(maxEntries)
  }

  copyOf(tokenHash: string): SessionCopy | undefined {
    return this.#copies.get(tokenHash)
  }

  refusalOf(tokenHash: string): RefusedToken | undefined {
    return this.#refusals.get(tokenHash)
  }

  /**
   * Takes over what a copy has newer. Of a refused token nothing is taken: its copy was late.
   *
   * @returns The best of what is known now.
   */
  offer(tokenHash: string, copy: SessionCopy): SessionCopy | RefusedToken {
    const refused = this.#refusals.get(tokenHash)
    if (refused !== undefined) return refused
    const held = this.#copies.get(tokenHash)
    const best = mergeCopies(held, copy)
    if (best === held) return held
    // Callers of several requests get the same objects.
    deepFreeze(best.record)
    this.#copies.set(tokenHash, best)
    return best
  }

  /** The first refusal stays: what comes later tells less, such as "unknown" after "revoked". */
  refuse(tokenHash: string, refused: RefusedToken): void {
    this.#copies.delete(tokenHash)
    if (this.#refusals.get(tokenHash) === undefined) this.#refusals.set(tokenHash, refused)
  }

  /** The authority is asked again for each of the user's sessions. */
  forgetUser(userId: string): void {
    for (const [tokenHash, { record }] of [...this.#copies.entries()]) {
      if (record.userId === userId) this.#copies.delete(tokenHash)
    }
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
}
