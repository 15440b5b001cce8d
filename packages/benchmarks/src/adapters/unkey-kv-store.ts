import { CacheError } from '@unkey/cache'
import type { Entry, Store } from '@unkey/cache/stores'
import { expirationTtl } from '../libraries/cache-under-test.ts'

type StoreResult<T> = Awaited<ReturnType<Store<string, T>['get']>>

/** Workers KV as a store of @unkey/cache, which ships none ("Cloudflare KV (todo)" in its README). */
export class UnkeyKvStore<T> implements Store<string, T> {
  readonly name = 'cloudflare-kv'
  readonly #kv: KVNamespace

  constructor(kv: KVNamespace) {
    this.#kv = kv
  }

  async get(namespace: string, key: string): Promise<StoreResult<T>> {
    try {
      const entry = await this.#kv.get<Entry<T>>(`${namespace}:${key}`, 'json')
      return { val: entry ?? undefined }
    } catch (error) {
      return { err: this.#failure(key, error) }
    }
  }

  async set(namespace: string, key: string, entry: Entry<T>): ReturnType<Store<string, T>['set']> {
    try {
      await this.#kv.put(`${namespace}:${key}`, JSON.stringify(entry), {
        expirationTtl: expirationTtl((entry.staleUntil - Date.now()) / 1000),
      })
      return { val: undefined }
    } catch (error) {
      return { err: this.#failure(key, error) }
    }
  }

  async remove(namespace: string, keys: string | string[]): ReturnType<Store<string, T>['remove']> {
    try {
      await Promise.all([keys].flat().map((key) => this.#kv.delete(`${namespace}:${key}`)))
      return { val: undefined }
    } catch (error) {
      return { err: this.#failure([keys].flat().join(), error) }
    }
  }

  #failure(key: string, error: unknown): CacheError {
    const message = error instanceof Error ? error.message : String(error)
    return new CacheError({ tier: this.name, key, message })
  }
}
