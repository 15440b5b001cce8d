import type { Policy } from './policy.ts'

interface Node {
  value: number
  visited: boolean
}

/** CLOCK: FIFO, but what was read since it came goes to the end instead of out. */
export class Clock implements Policy {
  readonly #maxEntries: number
  readonly #nodes = new Map<string, Node>()
  #oldest = this.#nodes.entries()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#nodes.size
  }

  get(key: string): number | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    node.visited = true
    return node.value
  }

  set(key: string, value: number): void {
    const known = this.#nodes.get(key)
    if (known) {
      known.value = value
      return
    }
    while (this.#nodes.size >= this.#maxEntries) {
      const next = this.#oldest.next()
      if (next.done) {
        this.#oldest = this.#nodes.entries()
        continue
      }
      const [oldest, node] = next.value
      this.#nodes.delete(oldest)
      if (!node.visited) continue
      node.visited = false
      this.#nodes.set(oldest, node)
    }
    this.#nodes.set(key, { value, visited: false })
  }
}
