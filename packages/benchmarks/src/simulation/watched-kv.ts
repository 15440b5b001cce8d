/** A namespace that counts the writes that were refused because the key was written a moment before. */
export interface WatchedKv {
  readonly kv: KVNamespace
  readonly refusedWrites: number
}

export function watchKv(kv: KVNamespace): WatchedKv {
  let refusedWrites = 0
  const counting = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call
    } catch (error) {
      if (String(error).includes('429')) refusedWrites++
      throw error
    }
  }
  const watched: KVNamespace = {
    get: kv.get.bind(kv) as KVNamespace['get'],
    getWithMetadata: kv.getWithMetadata.bind(kv) as KVNamespace['getWithMetadata'],
    list: kv.list.bind(kv) as KVNamespace['list'],
    put: (...args) => counting(kv.put(...args)),
    delete: (key) => counting(kv.delete(key)),
  }
  return {
    kv: watched,
    get refusedWrites() {
      return refusedWrites
    },
  }
}
