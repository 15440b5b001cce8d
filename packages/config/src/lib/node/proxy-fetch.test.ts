import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTextServer, type TextServer } from '../../../test/node/text-server.ts'
import { createSourceResolver } from './source-resolver.ts'

/** @returns The address of a proxy, and where it was asked to connect to. */
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

async function startServer(): Promise<TextServer> {
  const server = await createTextServer()
  onTestFinished(server.close)
  server.put('web.yaml', 'a: 1')
  server.put('bucket/web.yaml', 'b: 1')
  return server
}

function load(uri: string, env: Record<string, string>): Promise<unknown> {
  const resolve = createSourceResolver({ env, profiles: {}, https: { maxAttempts: 1 } })
  return resolve(uri)?.load({ signal: new AbortController().signal }) ?? Promise.resolve()
}

describe('a proxy that the environment names', () => {
  test('is what a server and a bucket are asked through', async () => {
    const [proxy, server] = [await startProxy(), await startServer()]
    const host = new URL(server.url).host
    expect(await load(`${server.url}/web.yaml`, { HTTP_PROXY: proxy.url })).toMatchObject([
      { text: 'a: 1' },
    ])
    expect(proxy.targets).toEqual([host])
    const s3 = {
      AWS_ENDPOINT_URL_S3: server.url,
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
    }
    const env = { ...s3, http_proxy: proxy.url }
    expect(await load('s3://bucket/web.yaml', env)).toMatchObject([{ text: 'b: 1' }])
    expect(proxy.targets).toEqual([host, host])
  })

  test('is not asked where the environment says so', async () => {
    const [proxy, server] = [await startProxy(), await startServer()]
    const env = { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }
    expect(await load(`${server.url}/web.yaml`, env)).toMatchObject([{ text: 'a: 1' }])
    expect(proxy.targets).toEqual([])
  })

  test('is not gone around where it cannot be reached', async () => {
    const server = await startServer()
    const loaded = load(`${server.url}/web.yaml`, { HTTP_PROXY: 'http://127.0.0.1:1' })
    await expect(loaded).rejects.toMatchObject({
      code: 'unavailable',
      message: `Cannot load ${server.url}/web.yaml: it could not be reached (ECONNREFUSED)`,
    })
    expect(server.requests).toEqual([])
  })
})
