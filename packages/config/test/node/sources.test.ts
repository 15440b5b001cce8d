import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createFakeKVApi, type FakeFault } from '@codex/fake-kv-api'
import { R2Client, s3Bucket } from '@codex/cloudflare-clients/r2'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { ConfigSource } from '../../src/index.ts'
import { createSourceResolver, type SourceResolverOptions } from '../../src/node.ts'
import { describeSource } from '../../src/lib/sources/source.contract.ts'
import { createTextServer } from './text-server.ts'

const s3Credentials = { accessKeyId: 'an-access-key-id', secretAccessKey: 'a-secret-access-key' }
let miniflare: Miniflare
let endpoint: string

beforeAll(async () => {
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: 'export default { fetch: () => new Response() }',
      compatibilityDate: '2026-11-01',
      r2Buckets: { BUCKET: { id: 'settings', s3Credentials } },
    }),
  )
  endpoint = new URL('/cdn-cgi/local/r2/s3', await miniflare.ready).href
})

afterAll(async () => {
  await miniflare.dispose()
})

function opener(
  options: SourceResolverOptions,
  toUri: (name: string) => string,
): (name: string) => ConfigSource {
  const resolve = createSourceResolver(options)
  return (name) => {
    const source = resolve(toUri(name))
    if (source === undefined) throw new Error(`No source for ${name}`)
    return source
  }
}

function encode(name: string): string {
  return encodeURIComponent(name).replaceAll('*', '%2A').replaceAll('%2F', '/')
}

describeSource('a folder', {
  cannot: ['hang'],
  createWorld: () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-sources-'))
    onTestFinished(() => {
      rmSync(folder, { recursive: true })
    })
    const pathOf = (name: string): string => join(folder, name)
    return {
      put: (name, content) => {
        mkdirSync(dirname(pathOf(name)), { recursive: true })
        writeFileSync(pathOf(name), content)
      },
      delete: (name) => {
        rmSync(pathOf(name))
      },
      open: opener({ env: {} }, pathOf),
      fail: () => {
        rmSync(pathOf('web.yaml'))
        symlinkSync('web.yaml', pathOf('web.yaml'))
      },
    }
  },
})

describeSource('a server', {
  createWorld: async () => {
    const server = await createTextServer()
    onTestFinished(server.close)
    const https = { maxAttempts: 1 }
    return {
      put: server.put,
      delete: server.delete,
      open: opener({ env: {}, https }, (name) => `${server.url}/${encode(name)}`),
      fail: () => {
        server.answer((_request, response) => response.writeHead(503).end())
      },
      hang: () => {
        server.answer(() => undefined)
      },
    }
  },
})

describeSource('KV over HTTP', {
  createWorld: async () => {
    let fault: FakeFault | undefined
    const api = await createFakeKVApi({ onRequest: () => fault, setTimeout: () => 0 })
    onTestFinished(() => api.close())
    const namespace = api.addNamespace('settings')
    const profiles = { main: { namespaceTitle: 'settings', baseUrl: api.url } }
    const env = { CLOUDFLARE_ACCOUNT_ID: api.accountId, CLOUDFLARE_API_TOKEN: api.apiToken }
    const options = { env, profiles, kvHttp: { maxAttempts: 1 } }
    return {
      put: (name, value) => {
        namespace.put(name, { value })
      },
      delete: (name) => {
        namespace.delete(name)
      },
      open: opener(options, (name) => `kv://main/${encode(name)}`),
      fail: () => {
        fault = { type: 'status', status: 503 }
      },
      hang: () => {
        fault = { type: 'slow', delayMs: 1 }
      },
    }
  },
})

describeSource('S3', {
  createWorld: () => {
    const bucket = new R2Client(s3Bucket({ endpoint, bucket: 'settings', ...s3Credentials }))
    let answer: (signal: AbortSignal | null | undefined) => Promise<Response> | undefined = () =>
      undefined
    const env = {
      AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
      AWS_ENDPOINT_URL_S3: endpoint,
    }
    const fetch: typeof globalThis.fetch = (input, init) =>
      answer(init?.signal) ?? globalThis.fetch(input, init)
    return {
      put: async (name, content) => {
        await bucket.put(name, typeof content === 'string' ? content : Uint8Array.from(content))
      },
      delete: (name) => bucket.delete(name),
      open: opener(
        { env, profiles: {}, fetch, s3: { maxAttempts: 1 } },
        (name) => `s3://settings/${encode(name)}`,
      ),
      fail: () => {
        answer = () => Promise.resolve(new Response(null, { status: 503 }))
      },
      hang: () => {
        answer = () => new Promise(() => undefined)
      },
    }
  },
})
