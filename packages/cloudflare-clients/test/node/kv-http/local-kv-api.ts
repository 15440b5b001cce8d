import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createTestHarness } from 'wrangler'

/** The REST API of `wrangler dev` for local KV, behind a shim that adds what it lacks. */
export interface LocalKVApi {
  readonly url: string
  readonly accountId: string
  readonly apiToken: string
  /** An empty namespace, each time another one. */
  takeNamespace(): string
  close(): Promise<void>
}

interface Listed {
  readonly name: string
  readonly expiration?: number
  readonly metadata?: unknown
}

const accountId = 'local-account'
const apiToken = 'local-token'
const namespaceCount = 100

/**
 * Starts it. Local KV itself keeps the values and metadata; the shim knows when keys expire, which that API ignores, and
 * takes account and credentials off the requests. Metadata is read from the list of keys.
 */
export async function startLocalKVApi(): Promise<LocalKVApi> {
  const folder = await mkdtemp(join(tmpdir(), 'local-kv-api-'))
  const ids = Array.from({ length: namespaceCount }, (_, index) => `namespace-${index}`)
  await writeFile(join(folder, 'worker.js'), 'export default { fetch: () => new Response() }')
  const config = {
    name: 'local-kv-api',
    main: 'worker.js',
    compatibility_date: '2026-11-01',
    kv_namespaces: ids.map((id, index) => ({ binding: `KV${index}`, id })),
  }
  const configPath = join(folder, 'wrangler.json')
  await writeFile(configPath, JSON.stringify(config))
  const harness = createTestHarness({ workers: [{ configPath }] })
  const { url: localUrl } = await harness.listen()
  const shim = new Shim(new URL('/cdn-cgi/local/explorer/api', localUrl).href)
  const server = createServer((message, response) => {
    shim.serve(message, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  let taken = 0
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    accountId,
    apiToken,
    takeNamespace: () => `namespace-${taken++}`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await harness.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

class Shim {
  readonly #localUrl: string
  /** Seconds of the epoch, by namespace and key. */
  readonly #expirations = new Map<string, number>()

  constructor(localUrl: string) {
    this.#localUrl = localUrl
  }

  async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(message)
    const { authorization, 'content-type': contentType = '' } = message.headers
    const base = `/client/v4/accounts/${accountId}`
    const path = (message.url ?? '').slice(base.length)
    if (authorization !== `Bearer ${apiToken}` || message.url?.startsWith(`${base}/`) !== true) {
      send(response, 401, envelope(null, { code: 10_000, message: 'Authentication error' }))
      return
    }
    const [, , , , namespace = '', collection = '', name = ''] = path.split(/[/?]/)
    const key = decodeURIComponent(collection === 'values' || collection === 'metadata' ? name : '')
    const id = `${namespace}/${key}`
    if (key !== '' && this.#isExpired(id)) {
      await this.#ask(path.replace('/metadata/', '/values/'), { method: 'DELETE' })
      this.#expirations.delete(id)
    }
    if (collection === 'metadata') return this.#sendMetadata(response, { namespace, key })
    const answer = await this.#ask(path, {
      method: message.method ?? 'GET',
      headers: { 'content-type': contentType },
      ...(body.byteLength > 0 && { body: new Uint8Array(body) }),
    })
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if (answer.ok && collection === 'values') this.#note(message, id, path)
    if (answer.ok && collection === 'keys') {
      send(response, 200, this.#withExpirations(namespace, bytes))
      return
    }
    if (answer.ok && path.endsWith('/bulk/get')) {
      const asked = JSON.parse(body.toString()) as BulkGet
      send(response, 200, await this.#withMetadata(namespace, asked, bytes))
      return
    }
    const type = answer.headers.get('content-type')
    response.writeHead(answer.status, type === null ? {} : { 'content-type': type }).end(bytes)
  }

  #ask(path: string, init: RequestInit): Promise<Response> {
    return fetch(`${this.#localUrl}${path}`, init)
  }

  #isExpired(id: string): boolean {
    return (this.#expirations.get(id) ?? Infinity) * 1000 <= Date.now()
  }

  #note({ method }: IncomingMessage, id: string, path: string): void {
    if (method === 'GET') return
    this.#expirations.delete(id)
    const query = new URLSearchParams(path.split('?')[1])
    const ttl = query.get('expiration_ttl')
    const expiration = ttl === null ? query.get('expiration') : Date.now() / 1000 + Number(ttl)
    if (method === 'PUT' && expiration !== null) {
      this.#expirations.set(id, Math.floor(Number(expiration)))
    }
  }

  async #sendMetadata(
    response: ServerResponse,
    { namespace, key }: { readonly namespace: string; readonly key: string },
  ): Promise<void> {
    const found = (await this.#list(namespace, key)).find(({ name }) => name === key)
    if (found) send(response, 200, envelope(found.metadata ?? null))
    else send(response, 404, envelope(null, { code: 10_009, message: 'key not found' }))
  }

  async #list(namespace: string, prefix: string): Promise<readonly Listed[]> {
    const query = `prefix=${encodeURIComponent(prefix)}&limit=1000`
    const answer = await this.#ask(`/storage/kv/namespaces/${namespace}/keys?${query}`, {})
    const page: { readonly result: readonly Listed[] } = await answer.json()
    return page.result
  }

  #withExpirations(namespace: string, bytes: Uint8Array): unknown {
    const page = JSON.parse(new TextDecoder().decode(bytes)) as { result: Listed[] }
    const result = page.result
      .filter(({ name }) => !this.#isExpired(`${namespace}/${name}`))
      .map((listed) => ({
        ...listed,
        expiration: this.#expirations.get(`${namespace}/${listed.name}`),
      }))
    return { ...page, result }
  }

  /** The local API takes neither `type` nor `withMetadata`. */
  async #withMetadata(namespace: string, asked: BulkGet, bytes: Uint8Array): Promise<unknown> {
    const answer = JSON.parse(new TextDecoder().decode(bytes)) as {
      result: { values: Record<string, string | null> }
    }
    if (asked.withMetadata !== true) return answer
    const listed = await this.#list(namespace, '')
    const metadata = new Map(listed.map((entry) => [entry.name, entry.metadata ?? null]))
    const values = Object.entries(answer.result.values).map(([key, value]): [string, unknown] => [
      key,
      value === null ? null : { value, metadata: metadata.get(key) ?? null },
    ])
    return { ...answer, result: { values: Object.fromEntries(values) } }
  }
}

interface BulkGet {
  readonly keys: readonly string[]
  readonly withMetadata?: boolean
}

function envelope(
  result: unknown,
  error?: { readonly code: number; readonly message: string },
): unknown {
  return { result, success: error === undefined, errors: error ? [error] : [], messages: [] }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
