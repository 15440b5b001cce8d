import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

/** Everything that the objects of `SECONDARY_STORAGE` hold, with their names, as text; bytes as the characters they would be. Empty ones are left out. */
export async function dumpSecondaryStorage(): Promise<{ id: string; text: string }[]> {
  const ids = await listDurableObjectIds(env.SECONDARY_STORAGE)
  const dumps = await Promise.all(
    ids.map(async (id) => {
      const rows = await runInDurableObject(env.SECONDARY_STORAGE.get(id), (_, { storage }) =>
        [...storage.kv.list()].map(toText),
      )
      return { id: String(id), rows }
    }),
  )
  return dumps.flatMap(({ id, rows }) =>
    rows.length === 0 ? [] : [{ id, text: `${id} ${rows.join(' ')}` }],
  )
}

function toText(value: unknown): string {
  if (value instanceof Uint8Array) return String.fromCharCode(...value)
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, each]) => `${key} ${toText(each)}`)
    .join(' ')
}
