import { AsyncLocalStorage } from 'node:async_hooks'
import { meterKV } from '@codex/cloudflare-clients'
import { meterD1 } from '@codex/database'
import { createOperationCounts, type OperationCounts } from './operation-counts.ts'

const r2Operations: Readonly<Record<string | symbol, keyof OperationCounts['r2']>> = {
  get: 'reads',
  head: 'reads',
  put: 'writes',
  createMultipartUpload: 'writes',
  delete: 'deletes',
  list: 'lists',
}

/** A Durable Object namespace, as far as it is counted: objects that are found by name. */
export interface DurableObjectsByName {
  getByName(name: string): object
}

/**
 * Counts the operations on the bindings that it wraps: for each request apart, and all of them since the isolate began.
 *
 * Clients are built once per isolate and serve many requests at a time, so a count finds its request through
 * AsyncLocalStorage. What happens outside of a request counts into the totals only.
 */
export class OperationMeter {
  readonly totals: OperationCounts = createOperationCounts()
  /** Epoch ms. */
  readonly startedAtMs: number
  readonly #current = new AsyncLocalStorage<OperationCounts>()
  #requests = 0

  constructor({ now = Date.now }: { readonly now?: () => number } = {}) {
    this.startedAtMs = now()
  }

  /** How many times {@link run} was called. */
  get requests(): number {
    return this.#requests
  }

  /** Runs `work` with its operations counted into `counts`, also those it does after awaiting. */
  run<Result>(counts: OperationCounts, work: () => Result): Result {
    this.#requests += 1
    return this.runApart(counts, work)
  }

  /** The same for a part of a request that is not to count with the rest of it, and is no request of its own. */
  runApart<Result>(counts: OperationCounts, work: () => Result): Result {
    return this.#current.run(counts, work)
  }

  meterKV(kv: KVNamespace): KVNamespace {
    return meterKV(kv, ({ type, keys }) => {
      for (const counts of this.#counting()) counts.kv[`${type}s`] += keys
    })
  }

  meterD1(d1: D1Database): D1Database {
    return meterD1(d1, (queries) => {
      for (const counts of this.#counting()) counts.d1.queries += queries
    })
  }

  /** Counts every call to an object of the namespace, which is a request each. */
  meterDurableObjects<Namespace extends DurableObjectsByName>(namespace: Namespace): Namespace {
    const meterObject = (object: object): object =>
      new Proxy(object, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name)
          if (typeof member !== 'function') return member
          return (...args: unknown[]): unknown => {
            for (const counts of this.#counting()) counts.durableObjects.requests += 1
            return Reflect.apply(member, target, args)
          }
        },
      })
    return new Proxy(namespace, {
      get: (target, name) => {
        if (name === 'getByName')
          return (...args: [string]) => meterObject(target.getByName(...args))
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function'
          ? (...args: unknown[]): unknown => Reflect.apply(member, target, args)
          : member
      },
    })
  }

  meterR2(bucket: R2Bucket): R2Bucket {
    return new Proxy(bucket, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...args: unknown[]): unknown => {
          const operation = r2Operations[name]
          if (operation !== undefined) {
            for (const counts of this.#counting()) counts.r2[operation] += 1
          }
          // Bindings check their receiver, so the method runs on the binding and not on the proxy.
          return Reflect.apply(member, target, args)
        }
      },
    })
  }

  #counting(): OperationCounts[] {
    const current = this.#current.getStore()
    return current === undefined ? [this.totals] : [this.totals, current]
  }
}
