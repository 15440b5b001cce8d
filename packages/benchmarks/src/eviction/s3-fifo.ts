import type { Policy } from './policy.ts'

interface Node {
  value: number
  uses: number
}

const smallShare = 0.1
const maxUses = 3

/** A Map that gives its oldest entry without passing over the holes that deleted ones leave. */
class Queue<T> extends Map<string, T> {
  #oldest = this.entries()

  shift(): [string, T] {
    for (;;) {
      const { done, value } = this.#oldest.next()
      if (!done) {
        this.delete(value[0])
        return value
      }
      this.#oldest = this.entries()
    }
  }
}

/**
 * S3-FIFO (SOSP 2023): a small queue for newcomers, a main one, and a ghost that remembers the keys that the small one
 * let go. The library's `MemoryTier` is this with bytes.
 */
export class S3Fifo implements Policy {
  readonly #maxEntries: number
  readonly #small = new Queue<Node>()
  readonly #main = new Queue<Node>()
  readonly #ghost = new Queue<null>()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#small.size + this.#main.size
  }

  get(key: string): number | undefined {
    const node = this.#find(key)
    if (node === undefined) return undefined
    if (node.uses < maxUses) node.uses++
    return node.value
  }

  set(key: string, value: number): void {
    const known = this.#find(key)
    if (known) {
      known.value = value
      return
    }
    while (this.size >= this.#maxEntries) this.#evict()
    const queue = this.#ghost.delete(key) ? this.#main : this.#small
    queue.set(key, { value, uses: 0 })
  }

  #find(key: string): Node | undefined {
    return this.#main.get(key) ?? this.#small.get(key)
  }

  #evict(): void {
    const isNewcomer = this.#main.size === 0 || this.#small.size > this.size * smallShare
    const [key, node] = (isNewcomer ? this.#small : this.#main).shift()
    if (node.uses > 0) {
      node.uses = isNewcomer ? 0 : node.uses - 1
      this.#main.set(key, node)
      return
    }
    if (isNewcomer) this.#ghost.set(key, null)
    while (this.#ghost.size > this.size) this.#ghost.shift()
  }
}
