import { inject } from 'vitest'

/** The KV namespaces that the site's wrangler.jsonc binds, by their id. */
export const namespaceIds = ['auth-session', 'rate-limit', 'cache', 'flags', 'config'] as const
export type NamespaceId = (typeof namespaceIds)[number]

/** A key as it is listed. */
export interface ListedKey {
  readonly name: string
  readonly metadata?: unknown
}

function apiUrl(path: string): string {
  return `${inject('siteUrl')}/cdn-cgi/local/explorer/api/storage/kv/namespaces/${path}`
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(apiUrl(path), init)
  if (!response.ok) throw new Error(`Expected the KV of the site to answer, got ${response.status}`)
  return response
}

/** Every key of a namespace, read beside the site through wrangler's local API. */
export async function listKeys(namespaceId: NamespaceId): Promise<readonly ListedKey[]> {
  const keys: ListedKey[] = []
  for (let cursor = ''; ;) {
    const response = await call(`${namespaceId}/keys?limit=1000&cursor=${cursor}`)
    const page = await response.json<{
      result: readonly ListedKey[]
      result_info: { cursor: string }
    }>()
    keys.push(...page.result)
    cursor = page.result_info.cursor
    if (cursor === '') return keys
  }
}

/** @returns `null` for a key that has ended meanwhile. */
export async function readValueIfThere(
  namespaceId: NamespaceId,
  key: string,
): Promise<string | null> {
  const response = await fetch(apiUrl(`${namespaceId}/values/${encodeURIComponent(key)}`))
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`Expected the KV of the site to answer, got ${response.status}`)
  return response.text()
}

/** Writes a value behind the site's back. */
export async function writeValue(
  namespaceId: NamespaceId,
  entry: { readonly key: string; readonly value: string },
): Promise<void> {
  await call(`${namespaceId}/values/${encodeURIComponent(entry.key)}`, {
    method: 'PUT',
    body: entry.value,
  })
}
