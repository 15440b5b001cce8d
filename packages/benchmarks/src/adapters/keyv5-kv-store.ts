import type { KeyvStoreAdapter } from 'cacheable'
import { expirationTtl } from '../libraries/cache-under-test.ts'

const maxBulkKeys = 100

/**
 * Workers KV as a store of Keyv 5, which cacheable and cache-manager are built on. Keyv's own KV store needs Keyv 6,
 * whose stores are called in another way.
 */
export class Keyv5KvStore implements KeyvStoreAdapter {
  readonly opts = {}
  namespace: string | undefined
  readonly #kv: KVNamespace

  constructor(kv: KVNamespace) {
    this.#kv = kv
  }

  /** The text that Keyv wrote, which it parses itself: `Value` is only what its types ask for. */
  async get<Value>(key: string): Promise<Value | undefined> {
    return ((await this.#kv.get(key)) ?? undefined) as Value | undefined
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    const texts: (Value | undefined)[] = []
    for (let start = 0; start < keys.length; start += maxBulkKeys) {
      const chunk = keys.slice(start, start + maxBulkKeys)
      const found = await this.#kv.get(chunk)
      texts.push(...chunk.map((key) => (found.get(key) ?? undefined) as Value | undefined))
    }
    return texts
  }

  async set(key: string, value: string, ttlMs?: number): Promise<boolean> {
    const options = ttlMs === undefined ? {} : { expirationTtl: expirationTtl(ttlMs / 1000) }
    await this.#kv.put(key, value, options)
    return true
  }

  async delete(key: string): Promise<boolean> {
    await this.#kv.delete(key)
    return true
  }

  async deleteMany(keys: string[]): Promise<boolean> {
    await Promise.all(keys.map((key) => this.delete(key)))
    return true
  }

  async clear(): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.#kv.list({
        prefix: this.namespace ?? '',
        ...(cursor && { cursor }),
      })
      await this.deleteMany(page.keys.map(({ name }) => name))
      cursor = page.list_complete ? undefined : page.cursor
    } while (cursor)
  }

  /** Failures are thrown, and Keyv tells its own listeners: nothing is ever emitted here. */
  on(): this {
    return this
  }
}
