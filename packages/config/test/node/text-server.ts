import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
interface SeenRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Serves texts with ETags over HTTP on this machine, until something else is wanted. */
export interface TextServer {
  /** Without a slash at its end. */
  readonly url: string
  readonly requests: readonly SeenRequest[]
  put(name: string, content: string | Uint8Array): void
  delete(name: string): void
  /** Answers so many of the next requests otherwise. Default: all. */
  answer(otherwise: Answer, times?: number): void
  close(): void
}

export async function createTextServer(): Promise<TextServer> {
  const texts = new Map<string, Uint8Array>()
  const requests: SeenRequest[] = []
  let others: { readonly answer: Answer; times: number } | undefined

  const serve: Answer = (request, response) => {
    const name = decodeURIComponent((request.url ?? '').slice(1).split('?')[0] ?? '')
    const content = texts.get(name)
    if (content === undefined) {
      response.writeHead(404).end()
      return
    }
    const etag = `"${createHash('sha256').update(content).digest('hex')}"`
    const isKnown = request.headers['if-none-match'] === etag
    response.writeHead(isKnown ? 304 : 200, { etag })
    response.end(isKnown ? undefined : content)
  }

  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', headers: request.headers })
    if (others !== undefined && others.times-- > 0) others.answer(request, response)
    else serve(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    put: (name, content) => {
      texts.set(name, typeof content === 'string' ? new TextEncoder().encode(content) : content)
    },
    delete: (name) => {
      texts.delete(name)
    },
    answer: (answer, times = Infinity) => {
      others = { answer, times }
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
