import { untilAborted } from './abortable.ts'
import type { ApiCall, CloudflareApi } from './cloudflare-api.ts'
import { KVHttpError } from './kv-http-error.ts'
import { findNamespaces } from './namespace-calls.ts'

/** Which namespace: an id, or a title that is looked up at the first call and then kept. */
export class NamespaceAddress {
  readonly #find: () => Promise<string>
  #id: Promise<string> | undefined

  /** @param api Looks up titles, for all callers and so with nobody's signal but its own. */
  constructor(namespace: { readonly id: string } | { readonly title: string }, api: CloudflareApi) {
    this.#find =
      'id' in namespace
        ? () => Promise.resolve(namespace.id)
        : () => findByTitle(api, namespace.title)
  }

  /** Makes a call whose path is that inside of the namespace. */
  async call<T>(
    api: CloudflareApi,
    call: ApiCall<T>,
    { deadlineAtMs = api.deadlineAtMs() } = {},
  ): Promise<T> {
    const id = this.#resolve()
    const known = await untilAborted(id, api.settings.signal)
    try {
      const path = `/storage/kv/namespaces/${known}${call.path}`
      return await api.call({ ...call, path }, { deadlineAtMs })
    } catch (error) {
      // Another namespace may have the title meanwhile.
      if (error instanceof KVHttpError && error.code === 'not_found') this.#forget(id)
      throw error
    }
  }

  /** One look-up for all who ask meanwhile. */
  #resolve(): Promise<string> {
    if (this.#id !== undefined) return this.#id
    const id = this.#find()
    this.#id = id
    id.catch(() => {
      this.#forget(id)
    })
    return id
  }

  #forget(id: Promise<string>): void {
    if (this.#id === id) this.#id = undefined
  }
}

async function findByTitle(api: CloudflareApi, title: string): Promise<string> {
  const found = await findNamespaces(api, title)
  const [only] = found
  if (only !== undefined && found.length === 1) return only.id
  throw new KVHttpError(
    `Cannot find the KV namespace ${JSON.stringify(title)}: one of that title was wanted, found ${found.length}`,
    {
      code: only === undefined ? 'not_found' : 'ambiguous_title',
      operation: 'namespaces',
      retryable: false,
    },
  )
}
