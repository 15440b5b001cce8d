import { meterKV, type KVOperation } from '../../src/index.ts'

type Method = (...args: unknown[]) => unknown

/** The real namespace, with some methods replaced. A replacement gets the real method to call. */
export function wrapKV(
  kv: KVNamespace,
  replacements: Readonly<Record<string, (real: Method, args: unknown[]) => unknown>>,
): KVNamespace {
  return new Proxy(kv, {
    get(target, property) {
      const real = (Reflect.get(target, property, target) as Method).bind(target)
      const replacement = replacements[String(property)]
      return replacement ? (...args: unknown[]) => replacement(real, args) : real
    },
  })
}

/** A namespace whose every call, or the named ones, KV answers with an error. */
export function failingKV(
  kv: KVNamespace,
  options: { methods?: readonly string[]; message?: string } = {},
): KVNamespace {
  const { methods = ['get', 'getWithMetadata', 'put', 'delete', 'list'] } = options
  const { message = 'KV GET failed: 500 Internal Server Error' } = options
  const fail = (): Promise<never> => Promise.reject(new Error(message))
  return wrapKV(kv, Object.fromEntries(methods.map((method) => [method, fail])))
}

/** A list whose pages hold one key, with an empty page before each of them, as tombstones make them in production. */
export function sparseListKV(kv: KVNamespace): KVNamespace {
  let isEmptyTurn = false
  return wrapKV(kv, {
    list: (real, [options]) => {
      isEmptyTurn = !isEmptyTurn
      const { cursor } = options as KVNamespaceListOptions
      if (isEmptyTurn) {
        const page = { keys: [], list_complete: false, cursor: cursor ?? '', cacheStatus: null }
        return Promise.resolve(page)
      }
      const { cursor: _start, ...rest } = options as KVNamespaceListOptions
      return real({ ...rest, ...(cursor ? { cursor } : {}), limit: 1 })
    },
  })
}

/** The namespace with its billed operations counted. */
export function countKV(kv: KVNamespace): {
  readonly kv: KVNamespace
  readonly operations: Record<KVOperation['type'], number>
} {
  const operations = { read: 0, write: 0, delete: 0, list: 0 }
  const counted = meterKV(kv, ({ type, keys }) => {
    operations[type] += keys
  })
  return { kv: counted, operations }
}

/** Every key with its value and metadata, as another program would see them. */
export async function dumpKV(
  kv: KVNamespace,
): Promise<{ name: string; value: string | null; metadata: unknown }[]> {
  const { keys } = await kv.list()
  return Promise.all(
    keys.map(async ({ name, metadata }) => ({ name, value: await kv.get(name), metadata })),
  )
}
