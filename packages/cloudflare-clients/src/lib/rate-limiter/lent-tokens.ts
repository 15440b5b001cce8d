interface Lease {
  readonly sinceMs: number
  readonly untilMs: number
  readonly tokens: number
}

/** How many tokens are out on leases, and until when: no fewer and no shorter than they are. */
export class LentTokens {
  /** Earliest first. Leases that begin within the length of one are one, so that these are few. */
  #leases: Lease[] = []

  add(
    tokens: number,
    { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number },
  ): void {
    if (tokens === 0) return
    this.#leases = this.#leases.filter((lease) => lease.untilMs > nowMs)
    const last = this.#leases.at(-1)
    const joins =
      last !== undefined && (last.untilMs >= untilMs || nowMs - last.sinceMs < untilMs - nowMs)
    if (joins) this.#leases.pop()
    this.#leases.push({
      sinceMs: joins ? last.sinceMs : nowMs,
      untilMs: joins ? Math.max(last.untilMs, untilMs) : untilMs,
      tokens: tokens + (joins ? last.tokens : 0),
    })
  }

  at(nowMs: number): { readonly tokens: number; readonly untilMs: number } {
    let tokens = 0
    let untilMs = 0
    for (const lease of this.#leases) {
      if (lease.untilMs <= nowMs) continue
      tokens += lease.tokens
      untilMs = Math.max(untilMs, lease.untilMs)
    }
    return { tokens, untilMs }
  }
}
