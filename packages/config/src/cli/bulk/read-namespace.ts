import type { HttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
import { type BulkEntry, toBulkValue } from './bulk-entry.ts'
import { isTooLarge } from './read-texts.ts'

/** Keys of a bulk read. */
const bulkKeys = 100

export interface NamespacePage {
  readonly entries: readonly BulkEntry[]
  /** Where the next page begins. `null`: this is the last one. */
  readonly cursor: string | null
}

export interface ReadNamespaceOptions {
  readonly prefix: string
  /** Of an earlier page. */
  readonly cursor?: string | undefined
  /** Reads each value by itself, byte for byte: a request for each, instead of one for a hundred. */
  readonly isExact: boolean
  readonly signal: AbortSignal
}

/** All entries below a prefix, page by page, in the order of their keys. An entry that ends while it is read is left out. */
export async function* readNamespace(
  kv: HttpKVNamespace,
  options: ReadNamespaceOptions,
): AsyncGenerator<NamespacePage, void, undefined> {
  const { prefix, isExact, signal } = options
  let { cursor } = options
  for (;;) {
    signal.throwIfAborted()
    const page = await kv.list({ prefix, ...(cursor !== undefined && { cursor }) })
    const entries: BulkEntry[] = []
    for (let start = 0; start < page.keys.length; start += bulkKeys) {
      signal.throwIfAborted()
      const keys = page.keys.slice(start, start + bulkKeys)
      const values = isExact ? await readEach(kv, keys) : await readTogether(kv, keys)
      for (const { name, expiration, metadata } of keys) {
        const value = values.get(name)
        if (value === undefined) continue
        entries.push({
          key: name.slice(prefix.length),
          ...value,
          ...(metadata !== undefined && metadata !== null && { metadata }),
          ...(expiration !== undefined && { expiration }),
        })
      }
    }
    yield { entries, cursor: page.list_complete ? null : page.cursor }
    if (page.list_complete) return
    ;({ cursor } = page)
  }
}

type Key = KVNamespaceListKey<unknown>
type Values = Map<string, Pick<BulkEntry, 'value' | 'base64'>>

async function readTogether(kv: HttpKVNamespace, keys: readonly Key[]): Promise<Values> {
  const names = keys.map(({ name }) => name)
  // A bulk read leaves out keys that look like an index of an array.
  const together = names.filter((name) => !/^\d+$/.test(name) && name !== '__proto__')
  const values: Values = new Map()
  const texts =
    together.length === 0 ? new Map<string, string | null>() : await readTexts(kv, together)
  for (const name of names) {
    const text = texts.get(name)
    // The mark of bytes that are no text. A text may hold one, too.
    if (typeof text === 'string' && !text.includes('\uFFFD')) values.set(name, { value: text })
    else if (text !== null) await readOne(kv, { name, values })
  }
  return values
}

async function readTexts(
  kv: HttpKVNamespace,
  names: string[],
): Promise<ReadonlyMap<string, string | null>> {
  try {
    return await kv.get(names, 'text')
  } catch (error) {
    if (!isTooLarge(error)) throw error
    return new Map()
  }
}

async function readEach(kv: HttpKVNamespace, keys: readonly Key[]): Promise<Values> {
  const values: Values = new Map()
  const waiting = keys.map(({ name }) => name)
  const read = async (): Promise<void> => {
    for (let name; (name = waiting.shift()) !== undefined;) await readOne(kv, { name, values })
  }
  await Promise.all(Array.from({ length: 6 }, read))
  return values
}

async function readOne(
  kv: HttpKVNamespace,
  { name, values }: { readonly name: string; readonly values: Values },
): Promise<void> {
  const bytes = await kv.get(name, 'arrayBuffer')
  if (bytes !== null) values.set(name, toBulkValue(new Uint8Array(bytes)))
}
