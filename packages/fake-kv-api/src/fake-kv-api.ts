import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type ApiAnswer, ApiFailure } from './api-answer.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { routeKVRequest } from './kv-routes.ts'
import { FakeNamespaces } from './namespace-routes.ts'
import { RequestLimit } from './request-limit.ts'

export type { FakeEntry, FakeNamespace } from './fake-namespace.ts'

/** What goes wrong with one request. */
export type FakeFault =
  | {
      readonly type: 'status'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      /** Default 10000. */
      readonly code?: number
      readonly message?: string
      /** Whether it was done all the same. */
      readonly isApplied?: boolean
    }
  /** The connection is reset: with nothing done, when it was done, or in the middle of the answer. */
  | { readonly type: 'reset'; readonly at: 'request' | 'answer' | 'body' }
  | { readonly type: 'slow'; readonly delayMs: number }
  /** These keys of a bulk request are not written or deleted. */
  | { readonly type: 'keys'; readonly fails: (key: string) => boolean }
  /** An answer of somebody between. */
  | { readonly type: 'page'; readonly status: number; readonly body: string }

/** A request as it came. */
export interface FakeRequest {
  readonly method: string
  /** As it was sent, still encoded, after the account. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
  readonly atMs: number
}

export interface FakeKVApiOptions {
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** What `slow` faults wait with. Default: the platform's. */
  readonly setTimeout?: (callback: () => void, delayMs: number) => unknown
  /** Looked at for every request with credentials. */
  readonly onRequest?: (request: FakeRequest) => FakeFault | undefined
  /** Requests in 5 minutes. More are refused for 5 minutes. Default: no limit. */
  readonly requestsPer5Minutes?: number
}

/** An account of Cloudflare's REST API for Workers KV, on 127.0.0.1. */
export interface FakeKVApi {
  /** What to use in place of `https://api.cloudflare.com/client/v4`. */
  readonly url: string
  readonly accountId: string
  readonly apiToken: string
  /** A token that may not touch KV. */
  readonly powerlessToken: string
  readonly apiKey: string
  readonly email: string
  /** Every request with credentials so far. */
  readonly requests: readonly FakeRequest[]
  /** Makes a namespace as if it had been there before. A title may be there twice. */
  addNamespace(title: string): FakeNamespace
  close(): Promise<void>
}

const accountId = '01a7362d577a6c3019a474fd6f485823'
const apiToken = 'fake-token-7Jd2kQx0vN4sZb8'
const powerlessToken = 'fake-powerless-token-Yw3'
const apiKey = 'fake-key-c2547eb745079dac9320b638f5e225cf483cc5cfdda41'
const email = 'fake.person@example.com'
const ray = '8f2a1b3c4d5e6f70-AMS'

/**
 * Serves the API as production documents it, with what local KV's own REST API lacks: the account in the path,
 * authorisation, expirations on a clock, metadata, namespaces, error codes, rate limits and partial bulk success.
 */
export async function createFakeKVApi(options: FakeKVApiOptions = {}): Promise<FakeKVApi> {
  const { now = Date.now, onRequest, setTimeout = globalThis.setTimeout } = options
  const namespaces = new FakeNamespaces(now)
  const limit = new RequestLimit(options.requestsPer5Minutes ?? Infinity, now)
  const requests: FakeRequest[] = []

  const route = async (
    request: FakeRequest,
    failsKey: (key: string) => boolean,
  ): Promise<ApiAnswer> => {
    const [path = '', search = ''] = request.path.split('?')
    const [storage, kv, collection, id, ...segments] = path.slice(1).split('/')
    if (storage !== 'storage' || kv !== 'kv' || collection !== 'namespaces') {
      throw new ApiFailure(404, { code: 7000, message: 'No route for that URI' })
    }
    const query = new URLSearchParams(search)
    const readBody = (): unknown => JSON.parse(Buffer.from(request.body).toString())
    if (id === undefined) {
      if (request.method === 'GET') return namespaces.list(query)
      return namespaces.create(readBody() as { title: string })
    }
    if (segments.length === 0) {
      if (request.method === 'DELETE') return namespaces.delete(id)
      return namespaces.rename(id, (readBody() as { title: string }).title)
    }
    return routeKVRequest(namespaces.find(id), {
      method: request.method,
      segments,
      query,
      contentType: String(request.headers['content-type'] ?? ''),
      body: request.body,
      nowSeconds: Math.floor(now() / 1000),
      failsKey,
    })
  }

  const answerOf = async (
    request: FakeRequest,
    failsKey: (key: string) => boolean,
  ): Promise<ApiAnswer> => {
    try {
      return await route(request, failsKey)
    } catch (error) {
      if (error instanceof ApiFailure) return error.answer
      throw error
    }
  }

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(message)
    const request = toRequest(message, { body, atMs: now() })
    if (request instanceof ApiFailure) {
      send(response, request.answer)
      return
    }
    requests.push(request)
    const refusal = limit.take()
    if (refusal !== null) {
      send(response, refusal.answer)
      return
    }
    const fault = onRequest?.(request)
    switch (fault?.type) {
      case 'status': {
        if (fault.isApplied === true) await answerOf(request, () => false)
        const { status, headers = {}, code = 10_000, message: text = 'fault' } = fault
        send(response, new ApiFailure(status, { code, message: text }, { headers }).answer)
        return
      }
      case 'page':
        response.writeHead(fault.status, { 'content-type': 'text/html' }).end(fault.body)
        return
      case 'reset': {
        if (fault.at === 'request') {
          message.socket.resetAndDestroy()
          return
        }
        const answer = await answerOf(request, () => false)
        if (fault.at === 'answer') message.socket.resetAndDestroy()
        else await breakOff(message, response, answer)
        return
      }
      case 'slow': {
        const answer = await answerOf(request, () => false)
        setTimeout(() => {
          send(response, answer)
        }, fault.delayMs)
        return
      }
      case 'keys':
      case undefined:
        send(response, await answerOf(request, fault?.fails ?? (() => false)), limit.headers)
    }
  }

  const server = createServer((message, response) => {
    serve(message, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  // Longer than any test: a connection that ends for age is no fault that a test asked for.
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    accountId,
    apiToken,
    powerlessToken,
    apiKey,
    email,
    requests,
    addNamespace: (title) => namespaces.add(title),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function toRequest(
  message: IncomingMessage,
  seen: { readonly body: Uint8Array; readonly atMs: number },
): FakeRequest | ApiFailure {
  const { headers, method = '', url = '' } = message
  const refusal = refuseCredentials(message)
  if (refusal !== null) return refusal
  const base = `/client/v4/accounts/${accountId}`
  if (!url.startsWith(`${base}/`)) {
    return new ApiFailure(404, { code: 7003, message: 'Could not route to that account' })
  }
  return { method, path: url.slice(base.length), headers, ...seen }
}

function refuseCredentials({ headers }: IncomingMessage): ApiFailure | null {
  const { authorization } = headers
  if (authorization === `Bearer ${powerlessToken}`) {
    return new ApiFailure(403, { code: 10_000, message: 'Authentication error' })
  }
  const isKey = headers['x-auth-key'] === apiKey && headers['x-auth-email'] === email
  if (authorization === `Bearer ${apiToken}` || isKey) return null
  // As a careless gateway might, to see whether anybody passes it on.
  const message = `Invalid access token: ${JSON.stringify([authorization, headers['x-auth-key']])}`
  return new ApiFailure(401, { code: 10_000, message })
}

function send(
  response: ServerResponse,
  answer: ApiAnswer,
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = String(answer.body.byteLength)
  const all = { 'cf-ray': ray, 'content-length': length, ...headers, ...answer.headers }
  response.writeHead(answer.status, all).end(answer.body)
}

/** Sends the head and half of the body, and resets the connection when that has left. */
async function breakOff(
  message: IncomingMessage,
  response: ServerResponse,
  answer: ApiAnswer,
): Promise<void> {
  const { byteLength } = answer.body
  response.writeHead(answer.status, {
    ...answer.headers,
    'cf-ray': ray,
    // One more than there is: a body of nothing breaks off too.
    'content-length': String(byteLength + 1),
  })
  await new Promise((resolve) => {
    response.write(answer.body.subarray(0, Math.ceil(byteLength / 2)), resolve)
    if (byteLength === 0) response.flushHeaders()
  })
  message.socket.resetAndDestroy()
}
