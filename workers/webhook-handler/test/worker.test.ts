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
  secret,
} from './fixtures.ts'

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
      /^kv\.read=0 kv\.write=0 kv\.delete=\d kv\.list=0 d1\.query=3 do\.request=0$/,
    )
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event: 'operations', worker: 'webhook-handler', outcome: 'processed' },
    ])
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
