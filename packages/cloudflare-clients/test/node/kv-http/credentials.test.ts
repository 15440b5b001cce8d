import { inspect } from 'node:util'
import {
  createHttpKVNamespace,
  createKVNamespaceAdmin,
  type KVHttpOptions,
} from '@codex/cloudflare-clients/kv-http'
import type { FakeFault } from '@codex/fake-kv-api'
import { describe, expect, test } from 'vitest'
import { collect, createFakeWorld, errorOf } from './fake-world.ts'

const namespaceId = '0123'
const accountId = '4567'
const open = (options: KVHttpOptions): unknown => createHttpKVNamespace({ namespaceId, ...options })

describe('credentials', () => {
  test.for<readonly [string, KVHttpOptions, string]>([
    [
      'no account',
      { env: { CLOUDFLARE_API_TOKEN: 't' } },
      'accountId or CLOUDFLARE_ACCOUNT_ID must be set, received neither',
    ],
    [
      'nothing',
      { accountId, env: {} },
      'auth, CLOUDFLARE_API_TOKEN, or CLOUDFLARE_API_KEY with CLOUDFLARE_EMAIL must be set, received none of them',
    ],
    [
      'an e-mail alone',
      { accountId, env: { CLOUDFLARE_EMAIL: 'a@example.com', CLOUDFLARE_API_TOKEN: '' } },
      'received CLOUDFLARE_EMAIL alone',
    ],
    [
      'a key alone',
      { accountId, env: { CLOUDFLARE_API_KEY: 'k' } },
      'CLOUDFLARE_EMAIL must be set beside CLOUDFLARE_API_KEY, received none',
    ],
    [
      'a token with a line break',
      { accountId, auth: { apiToken: 'secret\n' }, env: {} },
      'the API token must be visible ASCII characters without spaces, received 7 characters with others among them',
    ],
    [
      'an account that is a path',
      { accountId: '../x', auth: { apiToken: 't' }, env: {} },
      'accountId must be letters, digits, "-" and "_", received "../x"',
    ],
    [
      'an address without TLS',
      { accountId, auth: { apiToken: 't' }, baseUrl: 'http://example.com/', env: {} },
      'baseUrl must be an https address without credentials, query and fragment, received another one',
    ],
    [
      'no deadline',
      { accountId, auth: { apiToken: 't' }, deadlineMs: 0, env: {} },
      'deadlineMs must be from 1 to Infinity, received 0',
    ],
  ])('%s is told of when the namespace is opened', ([, options, message]) => {
    expect(() => open(options)).toThrow(message)
    expect(() => createKVNamespaceAdmin(options)).toThrow(message)
  })

  test('a namespace is one of id and title', () => {
    const options = { accountId, auth: { apiToken: 't' }, env: {} }
    for (const [choice, received] of [
      [{}, 'neither'],
      [{ namespaceId, namespaceTitle: 't' }, 'both'],
    ] as const) {
      const act = (): unknown => createHttpKVNamespace({ ...options, ...choice } as never)
      expect(act).toThrow(`namespaceId or namespaceTitle must be given, received ${received}`)
    }
    expect(() => createHttpKVNamespace({ ...options, namespaceId: 'a/b' })).toThrow(TypeError)
  })

  test('come from the environment, a token before a key', async () => {
    const { api, options } = await createFakeWorld()
    const { accountId: _a, auth: _b, ...rest } = options
    const account = { CLOUDFLARE_ACCOUNT_ID: api.accountId }
    const key = { CLOUDFLARE_API_KEY: api.apiKey, CLOUDFLARE_EMAIL: api.email }
    const token = { CLOUDFLARE_API_TOKEN: api.apiToken }
    for (const env of [
      { ...account, ...key },
      { ...account, ...token, ...key },
    ]) {
      const titles = await collect(createKVNamespaceAdmin({ ...rest, env }).list())
      expect(titles).toHaveLength(1)
    }
    const [byKey, byToken] = api.requests.map(({ headers }) => headers)
    expect(byKey?.authorization).toBeUndefined()
    expect(byKey).toMatchObject({ 'x-auth-key': api.apiKey, 'x-auth-email': api.email })
    expect(byToken).toMatchObject({ authorization: `Bearer ${api.apiToken}` })
    expect(byToken?.['x-auth-key']).toBeUndefined()
  })
})

describe('no credential is in what anybody can print', () => {
  const token = 'canary-token-41bd7c2f9e'
  const apiKey = 'canary-key-90cc1fd2a7'
  const email = 'canary.person@example.com'
  const canaries = [token, apiKey, email, encodeURIComponent(email)]

  /** As a careless `fetch` fails: with the whole request in its error. */
  class TellingError extends Error {
    readonly request: unknown
    readonly code = 'ECONNRESET'
    constructor(request: unknown) {
      const text = JSON.stringify(request)
      super(`failed: ${text} ${encodeURIComponent(text)}`, {
        cause: new Error(text, { cause: { message: text, request } }),
      })
      this.request = request
    }
  }

  const faults: readonly (readonly [string, FakeFault | 'refused' | 'telling'])[] = [
    ['credentials that are refused and repeated', 'refused'],
    ['a fetch that tells all', 'telling'],
    ['a 500', { type: 'status', status: 500, message: `${token} ${apiKey} ${email}` }],
    ['a 400', { type: 'status', status: 400, message: `${token} ${apiKey} ${email}` }],
    [
      'a 429 with strange headers',
      { type: 'status', status: 429, headers: { 'retry-after': token, 'cf-ray': token } },
    ],
    ['a page', { type: 'page', status: 200, body: `${token} ${apiKey} ${email}` }],
    ['a reset', { type: 'reset', at: 'body' }],
  ]
  const cases = faults.flatMap(([name, fault]) =>
    [{ apiToken: token }, { apiKey, email }].map((auth) => [name, fault, auth] as const),
  )

  test.for(cases)('%s', async ([, fault, auth]) => {
    const seen: unknown[] = []
    const { options, clock, api, namespace } = await createFakeWorld({
      onRequest: () => (typeof fault === 'string' ? undefined : fault),
    })
    const toServer = async (url: string, init: RequestInit): Promise<Response> => {
      if (fault === 'telling') throw new TellingError({ url, ...init })
      if (fault === 'refused') return fetch(url, init)
      // The fake's own, so that a fault is reached and not a 401.
      return fetch(url, { ...init, headers: { authorization: `Bearer ${api.apiToken}` } })
    }
    const all = {
      ...options,
      auth,
      fetch: toServer as never,
      onRequest: (event: unknown) => seen.push(event),
    }
    const kv = createHttpKVNamespace({ ...all, namespaceId: namespace.id })
    const admin = createKVNamespaceAdmin(all)
    seen.push(kv, admin, kv.withCallOptions({}))
    const calls: (() => Promise<unknown>)[] = [
      () => kv.get('k'),
      () => kv.getWithMetadata('k'),
      () => kv.get(['a', 'b']),
      () => kv.put('k', 'v', { metadata: 1 }),
      () => kv.delete('k'),
      () => kv.list(),
      () => kv.putMany([{ key: 'k', value: 'v' }]),
      () => kv.deleteMany(['k']),
      () => admin.create('t'),
      () => admin.find('t'),
    ]
    for (const call of calls) {
      const error = await clock.run(() => errorOf(call()))
      seen.push(error)
      for (let link = error; link !== undefined; link = (link as Error).cause) {
        const one = link as Error
        seen.push(one.message, one.stack, JSON.stringify(one), String(one))
      }
    }
    expect(seen.length).toBeGreaterThan(calls.length * 5)
    const printed = seen.map((value) =>
      typeof value === 'string' ? value : inspect(value, { depth: 20, showHidden: true }),
    )
    for (const canary of canaries) {
      expect(printed.filter((text) => text.includes(canary))).toEqual([])
    }
  })
})
