import type { Policy } from './policy.ts'

interface Node {
  value: number
  uses: number
}

const smallShare = 0.1
const maxUses = 3

/** A queue whose oldest key is found without passing over the holes that deleted ones leave in a Set. */
class KeyQueue {
  readonly #keys = new Set<string>()
  #oldest = this.#keys.keys()

  get size(): number {
    return this.#keys.size
  }

  push(key: string): void {
    this.#keys.add(key)
  }

  shift(): string {
    for (;;) {
      const { done, value } = this.#oldest.next()
      if (done) this.#oldest = this.#keys.keys()
      else {
        this.#keys.delete(value)
        return value
      }
    }
  }

  delete(key: string): boolean {
    return this.#keys.delete(key)
  }
}

/** S3-FIFO (SOSP 2023): a small queue for newcomers, a main one, and a ghost that remembers the keys it let go. */
export class S3Fifo implements Policy {
  readonly #maxEntries: number
  readonly #nodes = new Map<string, Node>()
  readonly #small = new KeyQueue()
  readonly #main = new KeyQueue()
  readonly #ghost = new KeyQueue()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#nodes.size
  }

  get(key: string): number | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    if (node.uses < maxUses) node.uses++
    return node.value
  }

  set(key: string, value: number): void {
    const known = this.#nodes.get(key)
    if (known) {
      known.value = value
      return
    }
    while (this.#nodes.size >= this.#maxEntries) this.#evict()
    const isInMain = this.#ghost.delete(key)
    this.#nodes.set(key, { value, uses: 0 })
    if (isInMain) this.#main.push(key)
    else this.#small.push(key)
  }

  #evict(): void {
    const isSmallFull = this.#small.size >= this.#maxEntries * smallShare
    if (isSmallFull || this.#main.size === 0) this.#evictSmall()
    else this.#evictMain()
  }

  #evictSmall(): void {
    const key = this.#small.shift()
    const node = this.#nodes.get(key)
    if (node === undefined) return
    if (node.uses > 0) {
      node.uses = 0
      this.#main.push(key)
      return
    }
    this.#nodes.delete(key)
    this.#ghost.push(key)
    if (this.#ghost.size > this.#maxEntries * (1 - smallShare)) this.#ghost.shift()
  }

  #evictMain(): void {
    const key = this.#main.shift()
    const node = this.#nodes.get(key)
    if (node === undefined) return
    if (node.uses > 0) {
      node.uses--
      this.#main.push(key)
    } else this.#nodes.delete(key)
  }
}
