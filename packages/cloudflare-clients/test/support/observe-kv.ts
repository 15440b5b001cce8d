/** What a call did, in a form that can be compared: streams and buffers are read, errors are their text. */
export type Observation =
  | { readonly returned: unknown }
  | { readonly thrown: string; readonly when: 'at the call' | 'as a rejection' }

export type KVMethodName = 'get' | 'getWithMetadata' | 'put' | 'delete' | 'list'

/** Calls a method with anything, also with what the types forbid. */
export async function observe(
  kv: KVNamespace,
  method: KVMethodName,
  ...args: readonly unknown[]
): Promise<Observation> {
  let when: 'at the call' | 'as a rejection' = 'at the call'
  try {
    const pending: unknown = Reflect.apply(kv[method], kv, args)
    when = 'as a rejection'
    return { returned: await normalize(await pending) }
  } catch (error) {
    return { thrown: String(error), when }
  }
}

async function normalize(value: unknown): Promise<unknown> {
  if (value instanceof ReadableStream) return { stream: await readAll(value) }
  if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] }
  if (value instanceof Map) return { map: [...(value as Map<unknown, unknown>)] }
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(async ([name, member]) => [
      name,
      await normalize(member),
    ])
    return Object.fromEntries((await Promise.all(entries)) as [string, unknown][])
  }
  return value
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function readAll(stream: ReadableStream): Promise<number[]> {
  return [...new Uint8Array(await new Response(stream).arrayBuffer())]
}
