import { kvLimits } from '@codex/cloudflare-clients'
import { type HttpKVNamespace, KVHttpError } from '@codex/cloudflare-clients/kv-http'

/** The texts of some keys, 100 with a read. `null`: there is none. */
export async function readTexts(
  kv: HttpKVNamespace,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  const texts = new Map<string, string | null>()
  // A bulk read leaves out keys that look like an index of an array.
  const alone = keys.filter((key) => /^\d+$/.test(key) || key === '__proto__')
  const together = keys.filter((key) => !alone.includes(key))
  for (let start = 0; start < together.length; start += kvLimits.maxBulkReadKeys) {
    const batch = together.slice(start, start + kvLimits.maxBulkReadKeys)
    for (const [key, text] of await readBatch(kv, batch)) texts.set(key, text)
  }
  for (const key of alone) texts.set(key, await kv.get(key, 'text'))
  return texts
}

async function readBatch(
  kv: HttpKVNamespace,
  keys: string[],
): Promise<ReadonlyMap<string, string | null>> {
  try {
    return await kv.get(keys, 'text')
  } catch (error) {
    if (!isTooLarge(error)) throw error
    const texts = new Map<string, string | null>()
    for (const key of keys) texts.set(key, await kv.get(key, 'text'))
    return texts
  }
}

/** Whether the values of a bulk read have more than 25 MB together. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof KVHttpError ? error.code === 'too_large' : String(error).includes('413')
}
