import { meterKV } from '@codex/cloudflare-clients'
import { meterD1 } from '@codex/database'

export interface OperationCounts {
  readonly kv: { reads: number; writes: number; deletes: number; lists: number }
  readonly d1: { queries: number }
  readonly r2: { reads: number; writes: number; deletes: number; lists: number }
}

/** Counts the operations on the bindings that it wraps: what a batch costs. */
export class OperationMeter {
  readonly counts: OperationCounts = {
    kv: { reads: 0, writes: 0, deletes: 0, lists: 0 },
    d1: { queries: 0 },
    r2: { reads: 0, writes: 0, deletes: 0, lists: 0 },
  }

  kv(kv: KVNamespace): KVNamespace {
    return meterKV(kv, ({ type, keys }) => {
      this.counts.kv[`${type}s`] += keys
    })
  }

  d1(d1: D1Database): D1Database {
    return meterD1(d1, (queries) => {
      this.counts.d1.queries += queries
    })
  }

  r2(bucket: R2Bucket): R2Bucket {
    const kinds: Partial<Record<string | symbol, keyof OperationCounts['r2']>> = {
      get: 'reads',
      head: 'reads',
      put: 'writes',
      createMultipartUpload: 'writes',
      delete: 'deletes',
      list: 'lists',
    }
    return new Proxy(bucket, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          const kind = kinds[name]
          if (kind !== undefined) this.counts.r2[kind] += 1
          return Reflect.apply(value, target, args)
        }
      },
    })
  }
}
