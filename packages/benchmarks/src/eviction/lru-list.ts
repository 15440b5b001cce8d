import type { Policy } from './policy.ts'

interface Node {
  readonly key: string
  value: number
  newer: Node
  older: Node
}

/** LRU in a ring of linked nodes: a hit moves its node. */
export class LruList implements Policy {
  readonly #maxEntries: number
  readonly #nodes = new Map<string, Node>()
  readonly #ring: Node

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
    const ring = { key: '', value: 0 } as Node
    ring.newer = ring.older = ring
    this.#ring = ring
  }

  get size(): number {
    return this.#nodes.size
  }

  get(key: string): number | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    this.#unlink(node)
    this.#link(node)
    return node.value
  }

  set(key: string, value: number): void {
    const known = this.#nodes.get(key)
    if (known) {
      known.value = value
      return
    }
    if (this.#nodes.size >= this.#maxEntries) {
      const oldest = this.#ring.newer
      this.#unlink(oldest)
      this.#nodes.delete(oldest.key)
    }
    const node = { key, value } as Node
    this.#link(node)
    this.#nodes.set(key, node)
  }

  #unlink({ newer, older }: Node): void {
    newer.older = older
    older.newer = newer
  }

  #link(node: Node): void {
    node.newer = this.#ring
    node.older = this.#ring.older
    this.#ring.older.newer = node
    this.#ring.older = node
  }
}
