import { applyD1Migrations, reset } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../src/config.ts'
import {
  addPeopleAndContent,
  checkoutEvent,
  createRequest,
  createWorker,
  deliver,
  nowSeconds,
  secret,
  url,
} from './fixtures.ts'
import type { WebhookEnv } from '../src/wire-worker.ts'

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addPeopleAndContent()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await reset()
})

describe('the deployed worker', () => {
  it('processes a signed event on its bindings and its own clock', async () => {
    const lines: string[] = []
    vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line))
    const request = await createRequest(checkoutEvent(), {
      timestamp: Math.floor(Date.now() / 1000),
    })
    const response = await exports.default.fetch(request)
    expect(await response.json()).toEqual({ received: true })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('x-codex-operations')).toMatch(
      /^kv\.read=1 kv\.write=0 kv\.delete=\d kv\.list=0 d1\.query=3 do\.request=0$/,
    )
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event: 'operations', worker: 'webhook-handler', outcome: 'processed' },
    ])
  })
})

describe('settings', () => {
  const key = 'config:webhook-handler'
  const old = { timestamp: nowSeconds - 400 }

  it('are what CONFIG_KV says, for what is let in', async () => {
    expect(await deliver(createWorker(), checkoutEvent(), old)).toMatchObject({
      body: { error: 'timestamp_too_old' },
    })
    await env.CONFIG_KV.put(key, 'timestampToleranceSeconds: 400\nmaxBodyBytes: 16384\n')
    expect(await deliver(createWorker(), checkoutEvent(), old)).toMatchObject({ status: 200 })
    const padding = 'x'.repeat(16_384)
    const large = { ...checkoutEvent({ id: 'evt_large' }), padding }
    expect(await deliver(createWorker(), large)).toMatchObject({ status: 413 })
  })

  it('are read once, and never for what is no delivery', async () => {
    const { worker } = createWorker()
    const reads = async (request: Request): Promise<string | undefined> =>
      /kv\.read=(\d)/.exec(
        (await worker.fetch(request)).headers.get('x-codex-operations') ?? '',
      )?.[1]
    expect(await reads(new Request(url))).toBe('0')
    expect(await reads(new Request(url, { method: 'POST' }))).toBe('0')
    expect(await reads(await createRequest(checkoutEvent()))).toBe('1')
    expect(await reads(await createRequest(checkoutEvent()))).toBe('0')
  })

  it.each([
    ['timestampToleranceSeconds: 86400', 'timestampToleranceSeconds'],
    ['maxBodyBytes: 104857600', 'maxBodyBytes'],
    ['webhookSecrets: [whsec_of_somebody_else]', 'webhookSecrets'],
    ['timestampToleranceSeconds: ${env:STRIPE_WEBHOOK_SECRET}', 'timestampToleranceSeconds'],
  ])('stay as they come where %s is said', async (text, path) => {
    await env.CONFIG_KV.put(key, `${text}\n`)
    const created = createWorker()
    expect(await deliver(created, checkoutEvent(), old)).toMatchObject({
      body: { error: 'timestamp_too_old' },
    })
    expect(created.log[0]?.line).toMatchObject({ event: 'settings_failed', faults: [{ path }] })
    expect(created.log.map((entry) => entry.text).join('\n')).not.toContain(secret)
  })

  it('stay as they come while KV fails, or is not bound', async () => {
    const fail = () => Promise.reject(new Error('KV GET failed: 500 Internal Server Error'))
    const failing = new Proxy(env.CONFIG_KV, {
      get: (target, name) => (Reflect.has(target, name) ? fail : undefined),
    })
    for (const [CONFIG_KV, event] of [
      [failing, 'settings_failed'],
      [undefined, 'kv_not_bound'],
    ] as const) {
      const created = createWorker({ CONFIG_KV } as Partial<WebhookEnv>)
      expect(await deliver(created, checkoutEvent(), old)).toMatchObject({ status: 400 })
      expect(created.log.map(({ line }) => line.event)).toContain(event)
      expect(await deliver(created, checkoutEvent())).toMatchObject({ status: 200 })
    }
  })
})

describe('in production', () => {
  const production = { ENVIRONMENT: 'production', STRIPE_WEBHOOK_SECRET: 'whsec_real' } as const

  it('does not tell anyone how many operations a request cost, only the log', async () => {
    const created = createWorker(production)
    const answer = await deliver(created, checkoutEvent(), { secret: 'whsec_real' })
    expect(answer).toMatchObject({ status: 200, operations: null })
    expect(created.log[0]?.line).toMatchObject({ d1: { queries: 3 } })
  })

  it.each([secret, '', ' , ', 'sk_live_wrong', undefined])(
    'answers 500 and logs why, without the value, when the secret is %j',
    async (wrong) => {
      const created = createWorker({ ...production, STRIPE_WEBHOOK_SECRET: wrong } as never)
      const answer = await deliver(created, checkoutEvent())
      expect(answer).toMatchObject({ status: 500, body: { error: 'misconfigured' } })
      expect(created.log[0]?.line.detail).toContain('STRIPE_WEBHOOK_SECRET')
      if (wrong) expect(created.log[0]?.text).not.toContain(wrong)
    },
  )
})

describe('readConfig', () => {
  it('reads one secret or several', () => {
    const read = (text: string) =>
      readConfig({ ENVIRONMENT: 'development', STRIPE_WEBHOOK_SECRET: text })
    expect(read(secret)).toMatchObject({ ok: true, config: { webhookSecrets: [secret] } })
    expect(read('whsec_a, whsec_b,')).toMatchObject({
      config: { webhookSecrets: ['whsec_a', 'whsec_b'] },
    })
  })

  it('names every variable that is wrong', () => {
    expect(readConfig({ ENVIRONMENT: 'live' })).toEqual({
      ok: false,
      issues: [
        'ENVIRONMENT must be development, staging or production',
        'STRIPE_WEBHOOK_SECRET must be set',
      ],
    })
  })
})
