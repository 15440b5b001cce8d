import { inspect } from 'node:util'
import { createFakeKVApi, type FakeKVApi } from '@codex/fake-kv-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConfigSource } from '../config-source.ts'
import { digestBody } from '../read-config-document.ts'
import type { ConfigProfiles } from './config-profiles.ts'
import { createSourceResolver, type SourceResolverOptions } from './source-resolver.ts'

let api: FakeKVApi
let namespaceId: string

beforeAll(async () => {
  api = await createFakeKVApi()
  const namespace = api.addNamespace('my settings')
  namespaceId = namespace.id
  namespace.put('production/web', { value: 'a: 1' })
  namespace.put('production/b', { value: 'b: 1' })
})

afterAll(() => api.close())

const profiles: ConfigProfiles = { main: { namespaceTitle: 'my settings' } }

function createEnv(more: Record<string, string> = {}): Record<string, string> {
  return {
    CLOUDFLARE_ACCOUNT_ID: api.accountId,
    CLOUDFLARE_API_TOKEN: api.apiToken,
    CLOUDFLARE_API_BASE_URL: api.url,
    ...more,
  }
}

function open(uri: string, options: SourceResolverOptions = {}): ConfigSource {
  const source = createSourceResolver({ env: createEnv(), profiles, ...options })(uri)
  if (source === undefined) throw new Error(`No source for ${uri}`)
  return source
}

async function urisOf(source: ConfigSource): Promise<string[]> {
  const documents = await source.load({ signal: new AbortController().signal })
  return documents.map(({ uri }) => uri)
}

describe('kv', () => {
  test('is an account and a namespace, by its id or its title, or an alias', async () => {
    for (const base of [
      `kv://${api.accountId}/${namespaceId}`,
      `kv://${api.accountId}/my%20settings`,
      'kv://main',
      'KV://main'.replace('KV', 'kv'),
    ]) {
      expect(await urisOf(open(`${base}/production/web`))).toEqual([`${base}/production/web`])
      expect(await urisOf(open(`${base}/production/*`))).toEqual([
        `${base}/production/b`,
        `${base}/production/web`,
      ])
    }
  })

  test('takes its credentials from the variables of its profile', async () => {
    const { CLOUDFLARE_API_BASE_URL: baseUrl } = createEnv()
    const own = {
      namespaceTitle: 'my settings',
      accountId: api.accountId,
      ...(baseUrl !== undefined && { baseUrl }),
    }
    const env = { MY_TOKEN: api.apiToken, MY_KEY: api.apiKey, MY_EMAIL: api.email }
    for (const auth of [
      { tokenVariable: 'MY_TOKEN' },
      { keyVariable: 'MY_KEY', emailVariable: 'MY_EMAIL' },
    ]) {
      const source = open('kv://own/production/web', { env, profiles: { own: { ...own, auth } } })
      expect(await urisOf(source)).toHaveLength(1)
    }
    const missing = { own: { ...own, auth: { tokenVariable: 'NOT_SET' } } }
    expect(() => open('kv://own/x', { env, profiles: missing })).toThrow(
      'Cannot read credentials: NOT_SET must be set, received none',
    )
    expect(() => open('kv://main/x', { env: {} })).toThrow('CLOUDFLARE_ACCOUNT_ID must be set')
  })

  test('is refused with credentials that do not reach so far, which are in no error', async () => {
    const wrong = 'wrong-token-hunter2'
    const env = createEnv({ CLOUDFLARE_API_TOKEN: wrong })
    for (const [token, code] of [
      [wrong, 'forbidden'],
      [api.powerlessToken, 'forbidden'],
    ] as const) {
      const source = open('kv://main/x', { env: { ...env, CLOUDFLARE_API_TOKEN: token } })
      const error: unknown = await urisOf(source).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code, retryable: false })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(token)
    }
  })

  test('is not asked any longer when nobody waits', async () => {
    const signals: AbortSignal[] = []
    const source = open(`kv://${api.accountId}/${namespaceId}/x`, {
      kvHttp: {
        fetch: (_url, { signal }) => {
          signals.push(signal)
          return new Promise(() => undefined)
        },
      },
    })
    const caller = new AbortController()
    const loaded = source.load({ signal: caller.signal }).catch((error: unknown) => error)
    await new Promise((resolve) => setImmediate(resolve))
    caller.abort(new Error('Gone'))
    expect(await loaded).toMatchObject({ message: 'Gone' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
  })

  test('without its namespace is unavailable, which is never an empty layer', async () => {
    const source = open(`kv://${api.accountId}/no%20such/x`)
    await expect(urisOf(source)).rejects.toMatchObject({ code: 'unavailable' })
    const other = open(`kv://${api.accountId}/${'0'.repeat(32)}/x`)
    await expect(urisOf(other)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('gives a reader its release', async () => {
    const release = async (version: number, body: string): Promise<object> => ({
      ...(await digestBody(body)),
      version,
      parent: version - 1,
      syntax: 'yaml',
      author: 'ada',
      atMs: 1,
      body,
    })
    const document = {
      codexConfig: 1,
      name: 'rolled',
      version: 2,
      changedAtMs: 1,
      stable: await release(1, 'a: 1'),
      candidate: { release: await release(2, 'a: 2'), percentage: 100 },
      history: [],
    }
    const kv = createSourceResolver({ env: createEnv(), profiles })('kv://main/rolled')
    const namespace = api.addNamespace('rollouts')
    namespace.put('rolled', { value: JSON.stringify(document) })
    const uri = `kv://${api.accountId}/${namespace.id}/rolled`
    const { signal } = new AbortController()
    expect(await open(uri).load({ signal })).toMatchObject([{ text: 'a: 1', version: 2 }])
    expect(await open(uri, { unit: 'pod-1' }).load({ signal })).toMatchObject([{ text: 'a: 2' }])
    expect(kv).toBeDefined()
  })

  test.each([
    ['kv:main/x', 'begin with kv://'],
    ['kv://', 'begin with kv://'],
    ['kv://main', 'begin with kv://'],
    ['kv:///x', 'begin with kv://'],
    ['kv://main/', 'have a key'],
    ['kv://hunter2@main/x', 'be without credentials'],
    ['kv://ada:hunter2@main/x', 'be without credentials'],
    ['kv://main/a/../b', 'not have "." or ".."'],
    ['kv://main/./b', 'not have "." or ".."'],
    ['kv://main/a/%2e%2E/b', 'not have "." or ".."'],
    ['kv://main/a%2F..%2Fb', 'not have "." or ".."'],
    ['kv://main/a?b', 'encoded as %3F'],
    ['kv://main/a#b', 'encoded as %3F'],
    ['kv://main/%zz', 'percent-encoded'],
    ['kv://main/%ff', 'percent-encoded'],
    ['kv://other/x', 'the alias of a profile (main)'],
    ['kv://constructor/x', 'the alias of a profile (main)'],
    [`kv://${'a'.repeat(32)}/`, 'have a namespace after the account'],
    [`kv://${'a'.repeat(32)}/ns`, 'have a key'],
    [`kv://main/${'x'.repeat(513)}`, 'key must be of 1 to 512 bytes'],
  ])('is refused, without its text: %s', (uri, message) => {
    expect(() => open(uri)).toThrow(message)
    expect(() => open(uri)).toThrow(TypeError)
    expect(() => open(uri)).not.toThrow('hunter2')
  })
})

describe('s3', () => {
  const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret-hunter2' }

  /** Where a load goes. */
  async function requestOf(uri: string, options: SourceResolverOptions): Promise<Request> {
    const requests: Request[] = []
    const source = open(uri, {
      ...options,
      fetch: (input, init) => {
        requests.push(new Request(input, init))
        return Promise.resolve(new Response(null, { status: 404 }))
      },
    })
    await urisOf(source).catch(() => undefined)
    const [request] = requests
    if (request === undefined) throw new Error('Nothing was requested')
    return request
  }

  test.each<[string, Record<string, string>, string, string]>([
    ['AWS without a region', {}, 'https://s3.us-east-1.amazonaws.com/b/k', '/us-east-1/s3/'],
    [
      'AWS with one',
      { AWS_REGION: 'eu-central-1' },
      'https://s3.eu-central-1.amazonaws.com/b/k',
      '/eu-central-1/s3/',
    ],
    [
      'another store',
      { AWS_ENDPOINT_URL_S3: 'https://s3.example', AWS_ENDPOINT_URL: 'https://other.example' },
      'https://s3.example/b/k',
      '/auto/s3/',
    ],
    [
      'another store with a region',
      { AWS_ENDPOINT_URL: 'https://s3.example/', AWS_DEFAULT_REGION: 'r' },
      'https://s3.example/b/k',
      '/r/s3/',
    ],
  ])('is %s, by the environment', async (_name, more, url, scope) => {
    const request = await requestOf('s3://b/k', { env: { ...env, ...more } })
    expect(request.url).toBe(url)
    expect(request.headers.get('authorization')).toContain(scope)
    expect(request.headers.get('x-amz-security-token')).toBeNull()
  })

  test('has temporary credentials', async () => {
    const request = await requestOf('s3://b/k', { env: { ...env, AWS_SESSION_TOKEN: 'token' } })
    expect(request.headers.get('x-amz-security-token')).toBe('token')
  })

  test('is a bucket of a profile, with its own variables', async () => {
    const archive = {
      bucket: 'real',
      endpoint: 'https://s3.example',
      region: 'r',
      accessKeyIdVariable: 'MY_ID',
      secretAccessKeyVariable: 'MY_SECRET',
    }
    const request = await requestOf('s3://archive/a%20b/%2A', {
      env: { MY_ID: 'mine', MY_SECRET: 'x', AWS_SESSION_TOKEN: 'of somebody else' },
      profiles: { archive },
    })
    expect(request.url).toBe('https://s3.example/real/a%20b/%2A')
    expect(request.headers.get('authorization')).toContain('Credential=mine/')
    expect(request.headers.get('x-amz-security-token')).toBeNull()
  })

  test.each([
    ['s3://b', 'begin with s3://'],
    ['s3://b/', 'have the key of one object'],
    ['s3://b/x/*', 'have the key of one object'],
    ['s3://id:hunter2@b/k', 'be without credentials'],
    ['s3://b/a/../k', 'not have "." or ".."'],
  ])('is refused, without its text: %s', (uri, message) => {
    expect(() => open(uri, { env })).toThrow(message)
    expect(() => open(uri, { env })).not.toThrow('hunter2')
  })

  test('names the credentials that are missing', () => {
    expect(() => open('s3://b/k', { env: { AWS_ACCESS_KEY_ID: 'id' } })).toThrow(
      'Cannot read credentials: AWS_SECRET_ACCESS_KEY must be set, received none',
    )
  })
})

describe('a resolver', () => {
  test('gives one source for a URI, however it is written', () => {
    const resolve = createSourceResolver({ env: createEnv(), profiles })
    for (const [one, other] of [
      ['kv://main/a b', 'kv://main/a%20b'],
      ['config/web.yaml', 'file:config/web.yaml'],
      ['https://config.example/a?b=1', 'HTTPS://CONFIG.example:443/a?b=1#part'],
      ['env:APP_', 'env:APP_'],
    ] as const) {
      expect(resolve(one)).toBe(resolve(other))
    }
    expect(resolve('https://config.example/?a')).not.toBe(resolve('https://config.example/?b'))
    expect(resolve('kv://main/a%2A')).not.toBe(resolve('kv://main/a*'))
  })

  test('does not know other schemes, and takes what has none for a path', () => {
    const resolve = createSourceResolver({ env: {}, profiles })
    expect(resolve('vault:secret/web')).toBeUndefined()
    expect(resolve('yaml:{a: 1}')).toBeUndefined()
    expect(resolve('./config:v1.yaml')?.uri).toBe('file:./config:v1.yaml')
    expect(resolve('C:/config.yaml')?.uri).toBe('file:C:/config.yaml')
    expect(resolve('-')?.uri).toBe('file:-')
  })

  test('reads variables, and files can be watched', async () => {
    const resolve = createSourceResolver({ env: { APP_PORT: '1' } })
    const source = resolve('env:APP_')
    expect(await source?.load({ signal: new AbortController().signal })).toMatchObject([
      { tree: { port: '1' } },
    ])
    expect(source?.watch).toBeUndefined()
    expect(resolve('web.yaml')?.watch).toBeDefined()
  })

  test('refuses profiles that cannot be', () => {
    const wrong = { main: {} } as ConfigProfiles
    expect(() => createSourceResolver({ profiles: wrong })).toThrow('Cannot read profiles')
  })
})
