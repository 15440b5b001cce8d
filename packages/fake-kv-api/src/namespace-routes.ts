import { randomBytes } from 'node:crypto'
import { type ApiAnswer, ApiFailure, success } from './api-answer.ts'
import { FakeNamespace } from './fake-namespace.ts'

/** The namespaces of an account. */
export class FakeNamespaces {
  readonly #namespaces = new Map<string, FakeNamespace>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  find(id: string): FakeNamespace {
    const namespace = this.#namespaces.get(id)
    if (namespace === undefined) {
      throw new ApiFailure(404, { code: 10013, message: "list keys: 'namespace not found'" })
    }
    return namespace
  }

  /** Also one whose title is taken, as accounts of old may have them. */
  add(title: string, jurisdiction?: string): FakeNamespace {
    const id = randomBytes(16).toString('hex')
    const namespace = new FakeNamespace({ id, title, jurisdiction, now: this.#now })
    this.#namespaces.set(id, namespace)
    return namespace
  }

  list(query: URLSearchParams): ApiAnswer {
    const page = Number(query.get('page') ?? 1)
    const perPage = Number(query.get('per_page') ?? 20)
    if (!(page >= 1 && perPage >= 1 && perPage <= 1000)) {
      throw new ApiFailure(400, { code: 10001, message: 'Invalid page' })
    }
    const all = [...this.#namespaces.values()]
    const some = all.slice((page - 1) * perPage, page * perPage)
    return success(some.map(describe), {
      resultInfo: {
        page,
        per_page: perPage,
        count: some.length,
        total_count: all.length,
        total_pages: Math.ceil(all.length / perPage),
      },
    })
  }

  create(body: { readonly title: string; readonly jurisdiction?: string }): ApiAnswer {
    this.#assertFree(body.title)
    return success(describe(this.add(body.title, body.jurisdiction)))
  }

  rename(id: string, title: string): ApiAnswer {
    const namespace = this.find(id)
    if (namespace.title !== title) this.#assertFree(title)
    namespace.title = title
    return success(describe(namespace))
  }

  delete(id: string): ApiAnswer {
    this.find(id)
    this.#namespaces.delete(id)
    return success(null)
  }

  #assertFree(title: string): void {
    if (![...this.#namespaces.values()].some((namespace) => namespace.title === title)) return
    throw new ApiFailure(400, {
      code: 10014,
      message: 'a namespace with this account ID and title already exists',
    })
  }
}

function describe({ id, title, jurisdiction }: FakeNamespace): unknown {
  return { id, title, supports_url_encoding: true, jurisdiction }
}
