/**
 * Gathers what is asked for in one tick of the event loop into one call.
 *
 * Different requests do not meet in a batch: the runtime runs each in a turn of its own. Whoever asks first owns the call.
 */
export class TickBatcher<K, V> {
  readonly #maxKeys: number
  readonly #call: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>
  #open: { readonly keys: Set<K>; readonly answers: Promise<ReadonlyMap<K, V>> } | null = null

  constructor(maxKeys: number, call: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>) {
    this.#maxKeys = maxKeys
    this.#call = call
  }

  /** @returns The answers to everything that was asked for in the same tick. */
  ask(key: K): Promise<ReadonlyMap<K, V>> {
    const batch = this.#open ?? this.#begin()
    batch.keys.add(key)
    if (batch.keys.size >= this.#maxKeys) this.#open = null
    return batch.answers
  }

  #begin(): { readonly keys: Set<K>; readonly answers: Promise<ReadonlyMap<K, V>> } {
    const keys = new Set<K>()
    const gather = async (): Promise<ReadonlyMap<K, V>> => {
      // One microtask more, so that callers who woke up together all come before the call.
      await Promise.resolve()
      if (this.#open === batch) this.#open = null
      return await this.#call([...keys])
    }
    const batch = { keys, answers: gather() }
    this.#open = batch
    return batch
  }
}
