import { BaseDriver } from 'bentocache/drivers/base_driver'
import type { CacheDriver, CreateDriverResult, L2CacheDriver } from 'bentocache/types'
import { expirationTtl } from '../libraries/cache-under-test.ts'

interface BentoKvOptions {
  readonly kv: KVNamespace
  readonly prefix?: string
}

/** Workers KV as a second layer of bentocache, which names it in its description and ships no driver for it. */
export function bentoKvDriver(options: BentoKvOptions): CreateDriverResult<L2CacheDriver> {
  return { options, factory: (config: BentoKvOptions) => new BentoKvDriver(config) }
}

class BentoKvDriver extends BaseDriver implements L2CacheDriver {
  readonly type = 'l2'
  readonly #kv: KVNamespace

  constructor(options: BentoKvOptions) {
    super(options)
    this.#kv = options.kv
  }

  namespace(namespace: string): CacheDriver {
    return new BentoKvDriver({ kv: this.#kv, prefix: this.createNamespacePrefix(namespace) })
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#kv.get(this.getItemKey(key))) ?? undefined
  }

  async pull(key: string): Promise<string | undefined> {
    const value = await this.get(key)
    await this.delete(key)
    return value
  }

  async set(key: string, value: string, ttlMs?: number): Promise<boolean> {
    const options = ttlMs === undefined ? {} : { expirationTtl: expirationTtl(ttlMs / 1000) }
    await this.#kv.put(this.getItemKey(key), value, options)
    return true
  }

  async delete(key: string): Promise<boolean> {
    await this.#kv.delete(this.getItemKey(key))
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
        prefix: `${this.prefix}:`,
        ...(cursor && { cursor }),
      })
      await Promise.all(page.keys.map(({ name }) => this.#kv.delete(name)))
      cursor = page.list_complete ? undefined : page.cursor
    } while (cursor)
  }

  async disconnect(): Promise<void> {
    // A binding has nothing to close.
  }
}
