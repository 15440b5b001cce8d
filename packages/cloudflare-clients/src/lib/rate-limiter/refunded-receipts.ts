import type { RateLimitReceipt } from './rate-limit-backend.ts'

const maxReceipts = 1000

/** Which admissions were given back already, so that none is twice. */
export class RefundedReceipts {
  readonly #admittedAtMs = new Map<string, number>()
  /** Of admissions up to then nothing is known, so none of them is given back. */
  #unknownUntilMs: number

  constructor(unknownUntilMs: number) {
    this.#unknownUntilMs = unknownUntilMs
  }

  mayRefund({ id, admittedAtMs }: RateLimitReceipt): boolean {
    return admittedAtMs > this.#unknownUntilMs && !this.#admittedAtMs.has(id)
  }

  add({ id, admittedAtMs }: RateLimitReceipt): void {
    this.#admittedAtMs.set(id, admittedAtMs)
    if (this.#admittedAtMs.size <= maxReceipts) return
    for (const [oldest, oldestAtMs] of this.#admittedAtMs) {
      this.#admittedAtMs.delete(oldest)
      this.#unknownUntilMs = Math.max(this.#unknownUntilMs, oldestAtMs)
      return
    }
  }

  /** Nothing of before is given back any more. */
  forget(nowMs: number): void {
    this.#admittedAtMs.clear()
    this.#unknownUntilMs = Math.max(this.#unknownUntilMs, nowMs)
  }
}
