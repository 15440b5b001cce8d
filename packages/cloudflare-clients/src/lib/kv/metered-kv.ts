/** One billed KV call. A bulk read bills every key. */
export interface KVOperation {
  readonly type: 'read' | 'write' | 'delete' | 'list'
  /** How many operations of the type are billed. */
  readonly keys: number
}

type Method = (...args: unknown[]) => unknown

const meteredMethods: Readonly<Record<string, KVOperation['type']>> = {
  get: 'read',
  getWithMetadata: 'read',
  put: 'write',
  delete: 'delete',
  list: 'list',
}

/**
 * Wraps a namespace so that every billed operation is reported, before it is sent. Failed calls count: KV saw them.
 *
 * @param kv A Worker binding, or anything of its shape.
 * @param onOperation Called synchronously for each call. It must not throw.
 * @returns A namespace that behaves as `kv` does.
 * @see https://developers.cloudflare.com/kv/platform/pricing/
 *
 * @example
 * ```ts
 * import { meterKV } from '@codex/cloudflare-clients'
 *
 * const operations = { read: 0, write: 0, delete: 0, list: 0 }
 * const kv = meterKV(env.CACHE_KV, ({ type, keys }) => {
 *   operations[type] += keys
 * })
 * ```
 */
export function meterKV(
  kv: KVNamespace,
  onOperation: (operation: KVOperation) => void,
): KVNamespace {
  return new Proxy(kv, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target)
      if (typeof member !== 'function') return member
      const type = typeof property === 'string' ? meteredMethods[property] : undefined
      return (...args: unknown[]): unknown => {
        if (type !== undefined) {
          onOperation({ type, keys: Array.isArray(args[0]) ? new Set(args[0]).size : 1 })
        }
        // Bindings check their receiver, so the method runs on the binding and not on the proxy.
        return (member as Method).apply(target, args)
      }
    },
  })
}
