import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  paidCheckoutEvent,
  sampleUser,
  sendWebhook,
  SiteClient,
  type Stack,
  startStack,
} from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const host = 'staging.codex.example'
let stateDirectory: string
let stack: Stack

/** A stack of its own: what is deployed has other settings than the one that all other tests run on. */
beforeAll(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'codex-staging-'))
  stack = await startStack({
    stateDirectory,
    deployed: {
      environment: 'staging',
      host,
      secrets: {
        AUTH_SECRET: 'a secret of this test, longer than 32 characters',
        STRIPE_SECRET_KEY: 'sk_test_of_this_test',
        STRIPE_WEBHOOK_SECRET: 'whsec_of_this_test',
        MAIL_WEBHOOK_URL: 'https://mail.codex.example/',
      },
    },
  })
})

afterAll(async () => {
  await stack.stop()
  await rm(stateDirectory, { recursive: true, force: true })
})

function postForm(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(`${stack.url}${path}`, {
    method: 'POST',
    headers: { origin: `https://${host}`, accept: 'text/html' },
    body: new URLSearchParams(fields),
    redirect: 'manual',
  })
}

describe('as it is deployed, over HTTPS', () => {
  it('the session cookie is __Host-, Secure, HttpOnly and bound to nothing wider', async () => {
    const { email, password } = sampleUser('ada')
    const response = await postForm('/sign-in', { email, password })
    expect(response.status).toBe(303)
    const [cookie = ''] = response.headers.getSetCookie()
    const [pair = '', ...attributes] = cookie.split('; ')
    expect(pair).toMatch(/^__Host-/)
    expect(attributes).toEqual(
      expect.arrayContaining(['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']),
    )
    expect(attributes.filter((attribute) => attribute.startsWith('Domain'))).toEqual([])

    const library = await fetch(`${stack.url}/library`, { headers: { cookie: pair } })
    expect(library.status).toBe(200)
    const plainName = await fetch(`${stack.url}/library`, {
      headers: { cookie: pair.replace('__Host-', '') },
      redirect: 'manual',
    })
    expect(plainName.status).toBe(303)
  })

  it('the coordinator of the environment counts', async () => {
    const client = new SiteClient(stack.url)
    const response = await client.get('/api/content')
    expect(response.headers.get('ratelimit')).toMatch(/^"api";r=\d+;t=\d+$/)
    expect(response.operations).toMatchObject({ doRequests: 1 })
    expect(stack.logs.toString()).not.toContain('limiter_not_bound')
    expect(stack.logs.toString()).not.toContain('sessions_not_bound')
  })

  it('browsers are told to come over HTTPS only', async () => {
    const response = await fetch(stack.url)
    expect(response.headers.get('strict-transport-security')).toMatch(/max-age=\d{8}/)
  })

  it.each(['/dev/outbox', '/dev/outbox/json', '/dev/checkout/cs_test_12345678?item=a'])(
    'there is no %s',
    async (path) => {
      const response = await fetch(`${stack.url}${path}`, { redirect: 'manual' })
      expect([303, 404]).toContain(response.status)
      expect(await response.text()).not.toMatch(/@codex\.example/)
    },
  )

  it('nobody publishes configurations while there is no token for it', async () => {
    const client = new SiteClient(stack.url)
    const { status } = await client.request('/api/config/document?name=config:webhook-handler', {
      headers: { authorization: 'Bearer development-only-token-to-publish-configurations' },
    })
    expect(status).toBe(404)
  })

  it('nothing can be switched off, and the webhook secret of development signs nothing', async () => {
    const client = new SiteClient(stack.url)
    const headers = { origin: `https://${host}`, 'content-type': 'application/json' }
    for (const path of [
      '/dev/kv-outage',
      '/dev/d1-outage',
      '/dev/limiter-outage',
      '/dev/session-outage',
    ]) {
      const outage = await client.request(path, { method: 'POST', headers, body: '{"on":true}' })
      expect(outage.status, path).toBe(404)
    }
    const event = paidCheckoutEvent({ userId: 'a', contentId: 'b', amountCents: 1 })
    expect((await sendWebhook(client, event)).status).toBe(400)
    const signed = await sendWebhook(client, event, { secret: 'whsec_of_this_test' })
    expect(signed.status).toBe(409)
  })
})
