export interface Timer {
  readonly id: number
  readonly dueMs: number
  readonly run: () => void
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.id < b.id)
}

/**
 * Timers by due time, and by the order in which they were set where that is the same. A binary heap: adding and
 * taking are logarithmic. A cancelled timer stays until it comes to the top.
 */
export class TimerHeap {
  readonly #heap: Timer[] = []
  readonly #liveIds = new Set<number>()

  /** How many timers have neither run nor been cancelled. */
  get size(): number {
    return this.#liveIds.size
  }

  add(timer: Timer): void {
    this.#liveIds.add(timer.id)
    const heap = this.#heap
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt]
      if (parent === undefined || !isBefore(timer, parent)) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = timer
  }

  cancel(id: number): void {
    this.#liveIds.delete(id)
  }

  /** The next timer that was not cancelled, left where it is. */
  peek(): Timer | undefined {
    for (;;) {
      const top = this.#heap[0]
      if (top === undefined || this.#liveIds.has(top.id)) return top
      this.#removeTop()
    }
  }

  /** Takes the next timer that was not cancelled. */
  take(): Timer | undefined {
    const top = this.peek()
    if (top === undefined) return undefined
    this.#removeTop()
    this.#liveIds.delete(top.id)
    return top
  }

  #removeTop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      let child = heap[childAt]
      if (child === undefined) break
      const right = heap[childAt + 1]
      if (right !== undefined && isBefore(right, child)) {
        childAt++
        child = right
      }
      if (!isBefore(child, last)) break
      heap[at] = child
      at = childAt
    }
    heap[at] = last
  }
}
