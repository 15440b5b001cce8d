import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createHttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
import { expect, onTestFinished, test } from 'vitest'
import { createFakeWorld, errorOf } from './fake-world.ts'

/** A proxy as the environment names them. @returns Its address, and where it was asked to connect to. */
async function startProxy(): Promise<{ readonly url: string; readonly targets: string[] }> {
  const targets: string[] = []
  const sockets: Socket[] = []
  const server = createServer()
  server.on('connect', (request, socket: Socket) => {
    const target = request.url ?? ''
    targets.push(target)
    const [host, port] = target.split(':')
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    for (const one of [socket, upstream]) one.on('error', () => undefined)
    sockets.push(socket, upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, targets }
}

test('requests go through the proxy that the environment names', async () => {
  const proxy = await startProxy()
  const { open, api } = await createFakeWorld()
  const host = new URL(api.url).host
  await open({ env: { HTTP_PROXY: proxy.url } }).put('k', 'v')
  expect(proxy.targets).toEqual([host])
  await open({ env: { http_proxy: proxy.url, NO_PROXY: '127.0.0.1' } }).put('k', 'v')
  await open({ env: {} }).put('k', 'v')
  expect(proxy.targets).toEqual([host])
})

test('a proxy that cannot be reached is an error, and not a way around it', async () => {
  const { open, clock, sent } = await createFakeWorld()
  const kv = open({ env: { HTTP_PROXY: 'http://127.0.0.1:1' }, maxAttempts: 2 })
  const error = await clock.run(() => errorOf(kv.get('k')))
  expect(error).toMatchObject({
    code: 'unavailable',
    message: 'KV GET failed: no answer (ECONNREFUSED)',
  })
  expect((error as Error).cause).toBeInstanceOf(Error)
  expect(sent()).toEqual([])
})

test('connections are kept for the next requests', async () => {
  let connections = 0
  const server = createServer((_request, response) => {
    response.end(JSON.stringify({ success: true, result: null }))
  })
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const kv = createHttpKVNamespace({
    accountId: 'account',
    namespaceId: 'namespace',
    auth: { apiToken: 'token' },
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    env: {},
  })
  for (let index = 0; index < 20; index++) await kv.put('k', 'v')
  // The second one is opened where the first is not yet free.
  expect(connections).toBeLessThanOrEqual(2)
})

test('a redirect takes the credentials nowhere', async () => {
  let arrivals = 0
  const elsewhere = createServer((_request, response) => {
    arrivals++
    response.end()
  })
  elsewhere.listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  onTestFinished(() => {
    elsewhere.close()
  })
  const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`
  const { kv } = await createFakeWorld({
    faults: [{ type: 'status', status: 307, headers: { location } }],
  })
  expect(await errorOf(kv.get('k'))).toMatchObject({ code: 'unavailable', retryable: false })
  expect(arrivals).toBe(0)
})

test('a `fetch` that hears no signal holds nobody up', async () => {
  const { open, clock } = await createFakeWorld()
  const kv = open({ fetch: () => new Promise(() => undefined), deadlineMs: 5000 })
  expect(await clock.run(() => errorOf(kv.get('k')))).toMatchObject({ code: 'timed_out' })
})
