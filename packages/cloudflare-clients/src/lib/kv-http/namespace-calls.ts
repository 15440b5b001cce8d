import { encodeText } from '../kv/binding-text.ts'
import type { ApiCall, CloudflareApi } from './cloudflare-api.ts'

/** A namespace of the account. */
export interface KVNamespaceInfo {
  readonly id: string
  readonly title: string
  /** `eu`, `us` or `fedramp`. Without it the namespace is anywhere. */
  readonly jurisdiction?: string
}

export const namespacesPath = '/storage/kv/namespaces'
const namespacesPerPage = 100

/** A call about namespaces, and not about what is in one. */
export function namespaceCall<T>(
  call: Pick<ApiCall<T>, 'method' | 'path' | 'read' | 'query' | 'refused'> & { body?: unknown },
): ApiCall<T> {
  const { body, ...rest } = call
  const content =
    body === undefined
      ? {}
      : { contentType: 'application/json', body: encodeText(JSON.stringify(body)) }
  return { request: 'NAMESPACES', operation: 'namespaces', ...rest, ...content }
}

export async function* listNamespaces(
  api: CloudflareApi,
): AsyncGenerator<KVNamespaceInfo, void, undefined> {
  for (let page = 1; ; page++) {
    const found = await api.call(
      namespaceCall({
        method: 'GET',
        path: namespacesPath,
        query: { page, per_page: namespacesPerPage, order: 'id', direction: 'asc' },
        read: async (attempt) => (await attempt.result()).result as KVNamespaceInfo[],
      }),
    )
    yield* found.map(toNamespaceInfo)
    if (found.length < namespacesPerPage) return
  }
}

/** Every namespace of a title. */
export async function findNamespaces(
  api: CloudflareApi,
  title: string,
): Promise<readonly KVNamespaceInfo[]> {
  const found: KVNamespaceInfo[] = []
  for await (const namespace of listNamespaces(api)) {
    if (namespace.title === title) found.push(namespace)
  }
  return found
}

/** Only what is promised, of what the API gives. */
export function toNamespaceInfo({ id, title, jurisdiction }: KVNamespaceInfo): KVNamespaceInfo {
  return { id, title, ...(jurisdiction !== undefined && { jurisdiction }) }
}
