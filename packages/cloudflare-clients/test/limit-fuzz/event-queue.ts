interface QueuedEvent {
  readonly atMs: number
  readonly run: () => void
}

/** What happens next, in order of time: a binary heap. */
export class EventQueue {
  nowMs: number
  readonly #events: QueuedEvent[] = []

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  after(delayMs: number, run: () => void): void {
    if (delayMs === Infinity) return
    const events = this.#events
    const event = { atMs: this.nowMs + delayMs, run }
    let at = events.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = events[parent]
      if (above === undefined || above.atMs <= event.atMs) break
      events[at] = above
      at = parent
    }
    events[at] = event
  }

  /** Runs all that comes until then. */
  runUntil(untilMs: number): void {
    for (let next = this.#events[0]; next && next.atMs <= untilMs; next = this.#events[0]) {
      this.#take()
      this.nowMs = next.atMs
      next.run()
    }
    this.nowMs = untilMs
  }

  #take(): void {
    const events = this.#events
    const last = events.pop()
    if (last === undefined || events.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const left = events[child]
      if (left === undefined) break
      const right = events[child + 1]
      const least = right !== undefined && right.atMs < left.atMs ? right : left
      if (least === right) child++
      if (least.atMs >= last.atMs) break
      events[at] = least
      at = child
    }
    events[at] = last
  }
}
