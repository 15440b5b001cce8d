import type { EveryoneEpoch } from './everyone-epoch.ts'
import { sealedCopySeconds } from './sealed-copy.ts'
import type { SessionRefusal } from './session-authority-calls.ts'
import { endOfCopy, mergeCopies, type SessionCopy } from './session-copy.ts'
import type { SessionMemory } from './session-memory.ts'
import type { SessionSource } from './session-options.ts'
import type { SessionRecord } from './session-record.ts'

export interface EvidenceOptions {
  readonly everyone: EveryoneEpoch | undefined
  readonly memory: SessionMemory
  readonly now: () => number
}

export type Verdict = (
  | { readonly ok: true; readonly record: SessionRecord }
  | { readonly ok: false; readonly reason: SessionRefusal }
) & { readonly source: SessionSource; readonly ageMs: number; readonly boundMs: number | null }

interface Found {
  readonly copy: SessionCopy
  readonly source: SessionSource
}

/** Clocks of Cloudflare's machines differ by less. A copy from further ahead would seem younger than it is. */
const maxAheadMs = 1000
/** What copies say of one token. */
export class Evidence {
  readonly #options: EvidenceOptions
  readonly #tokenHash: string
  found: Found | undefined
  #refusal: Verdict | undefined

  constructor(options: EvidenceOptions, tokenHash: string) {
    this.#options = options
    this.#tokenHash = tokenHash
  }

  add(copy: SessionCopy | undefined, source: SessionSource): void {
    const { memory, everyone, now } = this.#options
    const nowMs = now()
    // It may have been refused while the copy was read.
    const refused = memory.refusalOf(this.#tokenHash)
    if (refused !== undefined) {
      this.#refuse(refused.refusal, { source: 'memory', atMs: refused.atMs })
      return
    }
    if (copy === undefined || copy.confirmedAtMs > nowMs + maxAheadMs) return
    const best = memory.offer(this.#tokenHash, mergeCopies(this.found?.copy, copy))
    if ('refusal' in best) return
    const isYounger = best.confirmedAtMs > (this.found?.copy.confirmedAtMs ?? -Infinity)
    this.found = { copy: best, source: isYounger ? source : (this.found?.source ?? source) }
    // Both are final, however old the copy is.
    const { expiresAtMs, everyoneEpoch } = best.record
    const reason =
      nowMs >= expiresAtMs
        ? 'expired'
        : everyoneEpoch < (everyone?.known ?? 0)
          ? 'revoked'
          : undefined
    if (reason === undefined) return
    memory.refuse(this.#tokenHash, { refusal: reason, atMs: nowMs })
    this.#refuse(reason, { source, atMs: nowMs })
  }

  addSealed(copy: SessionCopy | undefined): void {
    const oldestMs = this.#options.now() - sealedCopySeconds * 1000
    this.add(copy && copy.confirmedAtMs >= oldestMs ? copy : undefined, 'sealed-copy')
  }

  /** A final one. */
  refusal(): Verdict | undefined {
    return this.#refusal
  }

  /** Whether another copy could still decide. */
  isWanted(maxAgeMs: number): boolean {
    return this.#refusal === undefined && !this.isUsable(maxAgeMs)
  }

  isUsable(maxAgeMs: number): boolean {
    const { copy } = this.found ?? {}
    if (copy === undefined) return false
    const nowMs = this.#options.now()
    return nowMs - copy.confirmedAtMs <= maxAgeMs && nowMs < endOfCopy(copy)
  }

  accept(boundMs: number | null): Verdict {
    if (this.found === undefined)
      throw new TypeError('Cannot accept session: no copy of it is known')
    const { copy, source } = this.found
    const ageMs = Math.max(0, this.#options.now() - copy.confirmedAtMs)
    return { ok: true, record: copy.record, source, ageMs, boundMs }
  }

  #refuse(reason: SessionRefusal, { source, atMs }: { source: SessionSource; atMs: number }): void {
    const ageMs = Math.max(0, this.#options.now() - atMs)
    this.#refusal = { ok: false, reason, source, ageMs, boundMs: 0 }
  }
}
