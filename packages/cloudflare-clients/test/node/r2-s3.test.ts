import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { R2Client, type R2ClientOptions, s3Bucket, type S3BucketOptions } from '../../src/r2.ts'
import { describeR2Client } from '../r2-client.contract.ts'

const s3Credentials = { accessKeyId: 'an-access-key-id', secretAccessKey: 'a-secret-access-key' }
let miniflare: Miniflare
let endpoint: string

beforeAll(async () => {
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: 'export default { fetch: () => new Response() }',
      compatibilityDate: '2026-11-01',
      r2Buckets: { BUCKET: { id: 'bucket', s3Credentials } },
    }),
  )
  endpoint = new URL('/cdn-cgi/local/r2/s3', await miniflare.ready).href
})

afterAll(async () => {
  await miniflare.dispose()
})

function createClient(options?: R2ClientOptions): R2Client {
  return new R2Client(s3Bucket({ endpoint, bucket: 'bucket', ...s3Credentials }), options)
}

async function listen(server: Server): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server.address() as AddressInfo
}

describeR2Client({ createClient, isBinding: false })

describe('a signed address', () => {
  const key = 'signed/ä b+c.txt'

  test('lets its holder read, and write exactly what it says', async () => {
    const client = createClient()
    const put = await client.presign(key, {
      method: 'PUT',
      contentType: 'text/plain',
      expiresInSeconds: 60,
    })
    const refused = await fetch(put, {
      method: 'PUT',
      body: 'Hello',
      headers: { 'content-type': 'text/html' },
    })
    expect(refused.status).toBe(403)
    const headers = { 'content-type': 'text/plain' }
    expect((await fetch(put, { method: 'PUT', body: 'Hello', headers })).status).toBe(200)
    const get = await client.presign(key)
    expect(await (await fetch(get)).text()).toBe('Hello')
    expect((await fetch(get, { method: 'DELETE' })).status).toBe(403)
    await client.delete(key)
  })

  test('is signed for a binding by its presigner', async () => {
    const bucket = (await miniflare.getR2Bucket('BUCKET')) as unknown as R2Bucket
    const presigner = s3Bucket({ endpoint, bucket: 'bucket', ...s3Credentials })
    const client = new R2Client(bucket, { presigner })
    await client.put('by-binding', 'Hello')
    expect(await (await fetch(await client.presign('by-binding'))).text()).toBe('Hello')
  })

  test('ends when it says', async () => {
    const nowMs = Date.now() - 120_000
    const bucket = s3Bucket({ endpoint, bucket: 'bucket', ...s3Credentials, now: () => nowMs })
    const address = await new R2Client(bucket).presign('key', { expiresInSeconds: 60 })
    expect((await fetch(address)).status).toBe(403)
  })

  test.each([0, 604_801])('does not last for %d seconds', async (expiresInSeconds) => {
    await expect(createClient().presign('key', { expiresInSeconds })).rejects.toThrow(
      'Cannot presign: expiresInSeconds must be from 1 to 604800',
    )
  })
})

describe('the S3 API', () => {
  test.each<[string, Partial<S3BucketOptions>, string]>([
    ['another secret', { secretAccessKey: 'another' }, 'unauthorized'],
    ['another key', { accessKeyId: 'another' }, 'unauthorized'],
    ['another bucket', { bucket: 'another' }, 'no_such_bucket'],
  ])('refuses %s, and the error holds no secret', async (_name, options, code) => {
    const all = { endpoint, bucket: 'bucket', ...s3Credentials, ...options }
    const client = new R2Client(s3Bucket(all))
    for (const call of [() => client.get('key'), () => client.put('key', 'x')]) {
      const error: unknown = await call().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(error).toMatchObject({ code, retryable: false })
      const shown = `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`
      expect(shown).not.toContain(all.secretAccessKey)
      expect(shown).not.toMatch(/Signature=|AWS4-HMAC/)
    }
  })

  test('is not asked for a key that an address cannot hold', async () => {
    for (const key of ['.', 'a/../b', 'a/.']) {
      await expect(createClient().put(key, '')).rejects.toThrow(
        'Cannot reach object over S3: key must not have "." or ".." between slashes',
      )
    }
  })

  test('is asked again after a reset and after 503, and not more often than wanted', async () => {
    let asked = 0
    const server = createServer((request, response) => {
      asked++
      request.resume()
      if (asked === 1) return void request.socket.resetAndDestroy()
      if (asked === 2) return void response.writeHead(503, { 'retry-after': '0' }).end()
      response.writeHead(200, { etag: '"e"' }).end()
    })
    const { port } = await listen(server)
    const bucket = { endpoint: `http://127.0.0.1:${port}`, bucket: 'bucket', ...s3Credentials }
    const client = new R2Client(s3Bucket(bucket), { random: () => 0 })
    expect(await client.put('key', 'x')).toMatchObject({ etag: 'e' })
    expect(asked).toBe(3)
    server.close()
    server.closeAllConnections()
    const gone = new R2Client(s3Bucket(bucket), { maxAttempts: 2, random: () => 0 })
    await expect(gone.put('key', 'x')).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('says that completing failed where its answer began with 200', async () => {
    const server = createServer((request, response) => {
      request.resume()
      request.on('end', () => {
        const isBegun = request.url?.endsWith('?uploads=')
        response
          .writeHead(200, { etag: '"e"' })
          .end(
            isBegun
              ? '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'
              : request.method === 'POST'
                ? '<Error><Code>InternalError</Code></Error>'
                : '',
          )
      })
    })
    const { port } = await listen(server)
    const bucket = { endpoint: `http://127.0.0.1:${port}`, bucket: 'bucket', ...s3Credentials }
    const client = new R2Client(s3Bucket(bucket), { maxAttempts: 1 })
    const upload = client.upload('key', new Uint8Array(5 * 1024 * 1024 + 1), {
      partBytes: 5 * 1024 * 1024,
    })
    await expect(upload).rejects.toMatchObject({ code: 'unavailable', storeCode: 'InternalError' })
    server.close()
    server.closeAllConnections()
  })
})

describe('requester pays', () => {
  test('is said with each request, signed', async () => {
    const seen: (string | string[] | undefined)[] = []
    const server = createServer((request, response) => {
      seen.push(request.headers['x-amz-request-payer'], request.headers.authorization)
      response.writeHead(404).end()
    })
    const { port } = await listen(server)
    const endpointOfOther = `http://127.0.0.1:${port}`
    const options = { endpoint: endpointOfOther, bucket: 'theirs', ...s3Credentials }
    const client = new R2Client(s3Bucket({ ...options, requesterPays: true }))
    expect(await client.get('key')).toBeNull()
    expect(seen[0]).toBe('requester')
    expect(seen[1]).toContain('x-amz-request-payer')
    expect(await client.presign('key')).toContain('x-amz-request-payer')
    server.close()
    server.closeAllConnections()
  })

  test('is refused by R2, which does not implement it', () => {
    const options = {
      endpoint: 'https://0123.r2.cloudflarestorage.com',
      bucket: 'bucket',
      ...s3Credentials,
    }
    expect(() => s3Bucket({ ...options, requesterPays: true })).toThrow(
      'Cannot create S3 bucket with requesterPays: unsupported (R2)',
    )
    expect(s3Bucket(options)).toBeDefined()
  })
})

test.each<[keyof S3BucketOptions, unknown]>([
  ['endpoint', ''],
  ['endpoint', 'no address'],
  ['bucket', undefined],
  ['accessKeyId', ''],
  ['secretAccessKey', undefined],
])('needs its options: %s', (name, value) => {
  const options = { endpoint: 'https://host', bucket: 'bucket', ...s3Credentials, [name]: value }
  expect(() => s3Bucket(options)).toThrow(`Cannot create S3 bucket: ${name} must be`)
})
