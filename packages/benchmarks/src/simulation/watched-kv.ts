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
    get: bound(kv.get, kv),
    getWithMetadata: bound(kv.getWithMetadata, kv),
    list: bound(kv.list, kv),
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

/** `bind` keeps only the last of several signatures. */
function bound<T extends (...args: never[]) => unknown>(method: T, owner: object): T {
  return method.bind(owner) as T
}
