import { AsyncLocalStorage } from 'node:async_hooks'
import { meterKV } from '@codex/cloudflare-clients'
import { meterD1 } from '@codex/database'

/** What one request asked of the stores, in billed operations. */
export interface OperationCounts {
  readonly kv: { reads: number; writes: number; deletes: number; lists: number }
  readonly d1: { queries: number }
}

const countedAs = { read: 'reads', write: 'writes', delete: 'deletes', list: 'lists' } as const

/**
 * Counts each request's operations apart, although the clients are built once and serve many requests at the same time.
 */
export class OperationMeter {
  readonly #current = new AsyncLocalStorage<OperationCounts>()

  meterKV(kv: KVNamespace): KVNamespace {
    return meterKV(kv, ({ type, keys }) => {
      const counts = this.#current.getStore()
      if (counts !== undefined) counts.kv[countedAs[type]] += keys
    })
  }

  meterD1(d1: D1Database): D1Database {
    return meterD1(d1, (queries) => {
      const counts = this.#current.getStore()
      if (counts !== undefined) counts.d1.queries += queries
    })
  }

  async count<T>(
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly operations: OperationCounts }> {
    const operations: OperationCounts = {
      kv: { reads: 0, writes: 0, deletes: 0, lists: 0 },
      d1: { queries: 0 },
    }
    return { result: await this.#current.run(operations, work), operations }
  }
}

export function formatOperations({ kv, d1 }: OperationCounts): string {
  return `kv.read=${kv.reads} kv.write=${kv.writes} kv.delete=${kv.deletes} kv.list=${kv.lists} d1.query=${d1.queries}`
}
