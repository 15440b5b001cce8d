import type { Attempt } from './attempt.ts'
import type { CloudflareApi } from './cloudflare-api.ts'
import { assertPathPart } from './credentials.ts'
import { createApi, type KVHttpOptions } from './http-kv-options.ts'
import { KVHttpError } from './kv-http-error.ts'
import {
  findNamespaces,
  type KVNamespaceInfo,
  listNamespaces,
  namespaceCall,
  namespacesPath,
  toNamespaceInfo,
} from './namespace-calls.ts'

/** Where a namespace's data is kept. Caches may be elsewhere. */
export type KVJurisdiction = 'eu' | 'us' | 'fedramp'

/** The namespaces of an account. Each call throws a {@link KVHttpError} when the API fails. */
export interface KVNamespaceAdmin {
  /**
   * Creates a namespace.
   *
   * @param options The jurisdiction can only be chosen now. Default: none.
   * @throws {KVHttpError} `already_exists` when the title is taken.
   */
  create(
    title: string,
    options?: { readonly jurisdiction?: KVJurisdiction },
  ): Promise<KVNamespaceInfo>
  /** Every namespace, page by page as they are asked for. */
  list(): AsyncGenerator<KVNamespaceInfo, void, undefined>
  /**
   * @returns `null` when there is none of the title.
   * @throws {KVHttpError} `ambiguous_title` when there are several.
   */
  find(title: string): Promise<KVNamespaceInfo | null>
  /** @throws {KVHttpError} `already_exists` when the title is taken, `not_found` when the namespace is not there. */
  rename(id: string, title: string): Promise<void>
  /**
   * Deletes a namespace with all that is in it.
   *
   * @throws {KVHttpError} `not_found` when it is not there.
   */
  delete(id: string): Promise<void>
}

const namespaceNotFoundCode = 10_013

/**
 * Opens the administration of an account's KV namespaces.
 *
 * @throws {TypeError | RangeError} When an option is missing or cannot be; it names what, and never a credential.
 * @see https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/
 *
 * @example
 * ```ts
 * import { createHttpKVNamespace, createKVNamespaceAdmin } from '@codex/cloudflare-clients/kv-http'
 *
 * const admin = createKVNamespaceAdmin()
 * const { id } = (await admin.find('settings')) ?? (await admin.create('settings', { jurisdiction: 'eu' }))
 * const kv = createHttpKVNamespace({ namespaceId: id })
 * ```
 */
export function createKVNamespaceAdmin(options: KVHttpOptions = {}): KVNamespaceAdmin {
  const api = createApi('open the administration of KV namespaces', options)
  return {
    create: (title, { jurisdiction } = {}) => create(api, { title, jurisdiction }),
    list: () => listNamespaces(api),
    find: (title) => find(api, title),
    rename: async (id, title) => {
      assertTitle('rename', title)
      await api.call(
        namespaceCall({
          method: 'PUT',
          path: toPath('rename', id),
          body: { title },
          read: acknowledge,
        }),
      )
    },
    delete: async (id) => {
      await api.call(
        namespaceCall<unknown>({
          method: 'DELETE',
          path: toPath('delete', id),
          read: acknowledge,
          // An earlier try may have done it, and its answer was lost.
          refused: ({ cloudflareCode }, attempt) =>
            cloudflareCode === namespaceNotFoundCode && attempt > 1
              ? { value: undefined }
              : undefined,
        }),
      )
    },
  }
}

async function create(
  api: CloudflareApi,
  body: { readonly title: string; readonly jurisdiction: KVJurisdiction | undefined },
): Promise<KVNamespaceInfo> {
  assertTitle('create', body.title)
  try {
    return await api.call(
      namespaceCall({
        method: 'POST',
        path: namespacesPath,
        body,
        read: async (attempt) =>
          toNamespaceInfo((await attempt.result()).result as KVNamespaceInfo),
      }),
    )
  } catch (error) {
    // The title is taken by what an earlier try made, whose answer was lost.
    const isOwn =
      error instanceof KVHttpError && error.code === 'already_exists' && (error.attempts ?? 1) > 1
    const made = isOwn ? await find(api, body.title) : null
    if (made === null) throw error
    return made
  }
}

async function find(api: CloudflareApi, title: string): Promise<KVNamespaceInfo | null> {
  const found = await findNamespaces(api, title)
  if (found.length <= 1) return found[0] ?? null
  throw new KVHttpError(
    `Cannot find the KV namespace ${JSON.stringify(title)}: one of that title was wanted, found ${found.length}`,
    { code: 'ambiguous_title', operation: 'namespaces', retryable: false },
  )
}

async function acknowledge(attempt: Attempt): Promise<void> {
  await attempt.result()
}

function toPath(action: string, id: string): string {
  assertPathPart(`${action} a KV namespace`, 'id', id)
  return `${namespacesPath}/${id}`
}

function assertTitle(action: string, title: unknown): void {
  if (typeof title === 'string' && title !== '') return
  const received = title === '' ? 'an empty one' : typeof title
  throw new TypeError(
    `Cannot ${action} a KV namespace: title must be a text that is not empty, received ${received}`,
  )
}
