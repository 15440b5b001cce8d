import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createHttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
import {
  bearerAuthorization,
  createConfigHandler,
  memoryConfigAuthority,
} from '../../../src/publisher.ts'
import type { CliWorld } from './cli-world.ts'

export interface AuthorityServer {
  readonly url: string
  /** Stands for `deployer`. */
  readonly token: string
  close(): Promise<void>
}

/** An authority of configurations behind HTTP, in memory, which publishes to the world's namespace. */
export async function createAuthorityServer({
  api,
  namespace,
}: CliWorld): Promise<AuthorityServer> {
  const kv = createHttpKVNamespace({
    accountId: api.accountId,
    namespaceId: namespace.id,
    baseUrl: api.url,
    auth: { apiToken: api.apiToken },
    env: {},
  })
  const authority = memoryConfigAuthority({ kv })
  const token = 'authority-token-3f9c1b7a5d2e8f60'
  const handle = createConfigHandler({
    authority,
    authorize: bearerAuthorization({ deployer: token }),
  })
  const server = createServer((message, response) => {
    const answer = async (): Promise<void> => {
      const { method = 'GET', url = '/', headers } = message
      const body = await buffer(message)
      const request = new Request(`http://127.0.0.1${url}`, {
        method,
        headers: {
          authorization: headers.authorization ?? '',
          'content-type': headers['content-type'] ?? '',
        },
        ...(method === 'POST' && { body: new TextDecoder().decode(body) }),
      })
      const answered = await handle(request)
      response.writeHead(answered.status, { 'content-type': 'application/json' })
      response.end(await answered.text())
    }
    answer().catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    close: async () => {
      await authority.whenPublished()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
