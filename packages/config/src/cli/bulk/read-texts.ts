import { kvLimits } from '@codex/cloudflare-clients'
import type { HttpKVNamespace } from '@codex/cloudflare-clients/kv-http'

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
    for (const [key, text] of await kv.get(batch, 'text')) texts.set(key, text)
  }
  for (const key of alone) texts.set(key, await kv.get(key, 'text'))
  return texts
}
