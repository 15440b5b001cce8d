import { createSourceError, tooLarge } from './source-error.ts'
import { decodeSourceText } from './source-text.ts'

export interface ReadableKV {
  readonly kv: KVNamespace
  readonly cacheTtlSeconds: number | undefined
}

const maxKeys = 1000
const maxBulkKeys = 100
const replacement = '\uFFFD'

function toCacheOptions({ cacheTtlSeconds }: ReadableKV): { readonly cacheTtl?: number } {
  return cacheTtlSeconds === undefined ? {} : { cacheTtl: cacheTtlSeconds }
}

/** One read, as bytes: KV would make replacement characters of what is not UTF-8. */
export async function readValue(
  access: ReadableKV,
  key: string,
  { uri, maxBytes }: { readonly uri: string; readonly maxBytes: number },
): Promise<string | null> {
  const bytes = await access.kv.get(key, { type: 'arrayBuffer', ...toCacheOptions(access) })
  return bytes === null ? null : decodeSourceText(uri, bytes, maxBytes)
}

/** The names of a prefix, in the order of their code units. */
export async function listKeys(
  { kv }: ReadableKV,
  { uri, prefix }: { readonly uri: string; readonly prefix: string },
): Promise<readonly string[]> {
  const names: string[] = []
  let cursor: string | undefined
  for (;;) {
    const page: KVNamespaceListResult<unknown> = await kv.list({
      prefix,
      ...(cursor !== undefined && { cursor }),
    })
    for (const { name } of page.keys) names.push(name)
    if (names.length > maxKeys) {
      const reason = `${maxKeys} keys at most were wanted, received more`
      throw createSourceError(uri, 'too_large', { reason })
    }
    if (page.list_complete) return [...new Set(names)].sort()
    cursor = page.cursor
  }
}

interface ReadValuesOptions {
  readonly uriOf: (key: string) => string
  readonly maxBytes: number
}

/**
 * The values of keys that were listed, in their order.
 *
 * @throws {ConfigError} `unavailable` when one is not there: it may be deleted, or not here yet, and without it the configuration would be another.
 */
export async function readValues(
  access: ReadableKV,
  keys: readonly string[],
  options: ReadValuesOptions,
): Promise<readonly string[]> {
  const texts: string[] = []
  for (let at = 0; at < keys.length; at += maxBulkKeys) {
    texts.push(...(await readBatch(access, keys.slice(at, at + maxBulkKeys), options)))
  }
  return texts
}

async function readBatch(
  access: ReadableKV,
  keys: readonly string[],
  options: ReadValuesOptions,
): Promise<readonly string[]> {
  let found: ReadonlyMap<string, string | null> = new Map()
  if (keys.length > 1) {
    try {
      found = await access.kv.get([...keys], { type: 'text', ...toCacheOptions(access) })
    } catch (error) {
      // Together they are more than KV hands out at once, which says nothing of each.
      if (!isTooLarge(error)) throw error
      const middle = Math.ceil(keys.length / 2)
      const first = await readBatch(access, keys.slice(0, middle), options)
      return [...first, ...(await readBatch(access, keys.slice(middle), options))]
    }
  }
  return Promise.all(
    keys.map(async (key) => {
      const uri = options.uriOf(key)
      const many = found.get(key)
      // A bulk read leaves out keys that are numbers, and makes replacement characters of what is not UTF-8.
      const isDoubtful = many === undefined || many?.includes(replacement) === true
      const text = isDoubtful
        ? await readValue(access, key, { uri, maxBytes: options.maxBytes })
        : many
      if (text === null) {
        const reason = 'a value was wanted for a key that is listed, received none'
        throw createSourceError(uri, 'unavailable', { reason })
      }
      if (text.length > options.maxBytes) throw tooLarge(uri, options.maxBytes)
      return text.replace(/^\uFEFF/, '')
    }),
  )
}

function isTooLarge(error: unknown): boolean {
  const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown }
  return code === 'too_large' || String(message).includes('failed: 413')
}
