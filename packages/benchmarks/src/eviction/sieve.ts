import type { Policy } from './policy.ts'

interface Node {
  value: number
  visited: boolean
}

/** SIEVE (NSDI 2024) with an iterator of the Map as its hand. */
export class Sieve implements Policy {
  readonly #maxEntries: number
  readonly #nodes = new Map<string, Node>()
  #hand = this.#nodes.entries()

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
      const next = this.#hand.next()
      if (next.done) this.#hand = this.#nodes.entries()
      else if (next.value[1].visited) next.value[1].visited = false
      else this.#nodes.delete(next.value[0])
    }
    this.#nodes.set(key, { value, visited: false })
  }
}
