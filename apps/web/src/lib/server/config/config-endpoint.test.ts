import {
  ConfigPublisher,
  httpConfigAuthority,
  memoryConfigAuthority,
} from '@codex/config/publisher'
import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'
import { afterEach, expect, it, vi } from 'vitest'
import { createConfigEndpoint } from './config-endpoint.ts'

const token = 'a-token-of-these-tests-of-32-or-more'
const env = { ENVIRONMENT: 'production', CONFIG_PUBLISH_TOKEN: token }
const url = 'https://codex.example/api/config'

afterEach(() => {
  vi.restoreAllMocks()
})

function createSite() {
  const kv = createEdgeSimulator({ locations: ['AMS'] })
    .location('AMS')
    .kv('CONFIG_KV')
  const authority = memoryConfigAuthority({ kv })
  const endpoint = createConfigEndpoint(authority, env)
  if (endpoint === null) throw new Error('Expected an endpoint')
  return { endpoint, authority }
}

function publisherOf(
  endpoint: (request: Request) => Promise<Response>,
  { name = 'config:queue-consumer', sent = token } = {},
): ConfigPublisher {
  const authority = httpConfigAuthority({
    url,
    token: sent,
    fetch: (input, init) => endpoint(new Request(input, init)),
    attempts: 1,
  })
  return new ConfigPublisher({ authority, name, author: 'ada' })
}

it('takes a version from a publisher with the token, and keeps who it was', async () => {
  const lines = vi.spyOn(console, 'info').mockImplementation(() => undefined)
  const { endpoint } = createSite()
  const publisher = publisherOf(endpoint)
  const body = 'retryBaseSeconds: 30\n'
  expect(await publisher.publish(body, { syntax: 'yaml' })).toEqual({ version: 1 })
  expect(await publisher.history()).toMatchObject([{ version: 1, author: 'ada' }])
  const line = JSON.parse(String(lines.mock.calls[0]?.[0])) as unknown
  const event = 'config_change'
  expect(line).toEqual({ level: 'info', event, name: 'config:queue-consumer', status: 200 })
})

it('refuses whoever has another token, and logs nothing of what they ask', async () => {
  const lines = vi.spyOn(console, 'info').mockImplementation(() => undefined)
  const { endpoint } = createSite()
  for (const sent of [`${token}x`, token.slice(1), 'x'.repeat(40)]) {
    const publisher = publisherOf(endpoint, { sent })
    const publishing = publisher.publish('a: 1', { syntax: 'yaml' })
    await expect(publishing).rejects.toMatchObject({ code: 'forbidden' })
  }
  const response = await endpoint(new Request(`${url}/document?name=config:queue-consumer`))
  expect(response.status).toBe(401)
  expect(lines).not.toHaveBeenCalled()
})

it.each(['flags:production', 'config-body:0', 'queue-consumer', ''])(
  'lets nobody publish as %j',
  async (name) => {
    const { endpoint } = createSite()
    const response = await endpoint(
      new Request(`${url}/document?name=${name}`, {
        headers: { authorization: `Bearer ${token}` },
      }),
    )
    expect(response.status).toBe(401)
  },
)

it('is not there without a token, with a bad one, or without the coordinator', () => {
  const lines = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { authority } = createSite()
  expect(createConfigEndpoint(authority, { ENVIRONMENT: 'production' })).toBeNull()
  expect(createConfigEndpoint(null, env)).toBeNull()
  expect(lines).not.toHaveBeenCalled()
  const short = 'too-short'
  expect(createConfigEndpoint(authority, { ...env, CONFIG_PUBLISH_TOKEN: short })).toBeNull()
  expect(String(lines.mock.calls[0]?.[0])).toContain('publish_token_refused')
  expect(String(lines.mock.calls[0]?.[0])).not.toContain(short)
})
