import { memoryBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { Secret } from '@codex/config'
import { describe, expect, it } from 'vitest'
import type { BotConfig } from './bot-config.ts'
import { type AppParts, createApp } from './create-app.ts'

const config: BotConfig = {
  name: 'Codex bot',
  token: new Secret('a-token-of-16-chars'),
  prefix: '!',
  limit: { answers: 1, windowSeconds: 60 },
  commands: { hello: { answer: 'Hello, {user}!' } },
}

function createBot(changes: Partial<AppParts> = {}) {
  const events: unknown[] = []
  const app = createApp({
    getConfig: () => config,
    isLive: () => true,
    getReadiness: () => ({ isReady: true, details: { configuration: { versions: {} } } }),
    limiter: new RateLimiterClient(memoryBackend({ now: () => 0 })),
    lookUpFor: () => () => Promise.resolve(null),
    log: (...event) => events.push(event),
    ...changes,
  })
  const post = (body: unknown, token = 'a-token-of-16-chars') =>
    app.request('/messages', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { app, post, events }
}

const message = { user: 'Ada', text: '!hello' }

describe('POST /messages', () => {
  it('answers who has the token', async () => {
    const response = await createBot().post(message)
    expect([response.status, await response.json()]).toEqual([200, { text: 'Hello, Ada!' }])
  })

  it('has nothing to say to what is not for the bot', async () => {
    expect((await createBot().post({ ...message, text: 'hello' })).status).toBe(204)
  })

  it.each(['', 'another', 'a-token-of-16-char', '[secret]'])(
    'refuses the token %j before it reads the message',
    async (token) => {
      const response = await createBot().post('{', token)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
    },
  )

  it.each([
    ['', 400],
    ['{', 400],
    [{ user: '', text: '!hello' }, 400],
    [{ user: 'Ada' }, 400],
    [{ user: 'Ada', text: 'x'.repeat(4001) }, 400],
    ['x'.repeat(65_537), 413],
  ])('refuses a message that is none: %#', async (body, status) => {
    expect((await createBot().post(body)).status).toBe(status)
  })

  it('says when to come again to who comes too often', async () => {
    const { post } = createBot()
    await post(message)
    const response = await post(message)
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('60')
  })

  it('is 503 before there is a configuration', async () => {
    expect((await createBot({ getConfig: () => undefined }).post(message)).status).toBe(503)
  })

  it('is 500 for a fault of its own, whose words are in the log alone', async () => {
    const getConfig = () => {
      throw new Error('a fault')
    }
    const { post, events } = createBot({ getConfig })
    const response = await post(message)
    expect([response.status, await response.json()]).toEqual([
      500,
      { error: 'Something went wrong' },
    ])
    expect(events).toEqual([['error', 'request_failed', { path: '/messages', error: 'a fault' }]])
  })
})

it('is live while its client asks for configurations, and ready when it has one', async () => {
  const { app } = createBot()
  expect((await app.request('/liveness')).status).toBe(200)
  const ready = await app.request('/readiness')
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { isReady: true, configuration: { versions: {} } },
  ])
  const getReadiness = () => ({ isReady: false, details: {} })
  const { app: starting } = createBot({ getReadiness })
  expect((await starting.request('/readiness')).status).toBe(503)
  expect((await starting.request('/liveness')).status).toBe(200)
  const { app: stuck } = createBot({ isLive: () => false })
  expect((await stuck.request('/liveness')).status).toBe(503)
})
