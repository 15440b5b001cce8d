import {
  enterWindow,
  isSignedIn,
  newPerson,
  pollUntil,
  putUpload,
  sampleUser,
  signIn,
  signUp,
  tinyPng,
} from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SiteClient } from '@codex/local-stack'
import { signedInSample, visitor } from '../src/visitor.ts'

async function switchOutage(on: boolean): Promise<void> {
  expect((await visitor().postJson('/dev/limiter-outage', { on })).status).toBe(200)
}

/** Whether checks reach the coordinator again, of leased limits and of exact ones: each finds out by itself. */
async function isBack(): Promise<boolean> {
  const call = await visitor().get('/api/content')
  const guess = await visitor().postForm('/verify-email', { token: 'guessed' })
  return call.operations?.doRequests === 1 && guess.status === 400
}

describe('while the coordinator answers nothing', () => {
  let ada: SiteClient
  let grace: SiteClient

  beforeAll(async () => {
    ada = await signedInSample('ada')
    grace = await signedInSample('grace')
    await enterWindow({ windowSeconds: 60, neededSeconds: 20 })
    await switchOutage(true)
  })
  afterAll(async () => {
    await switchOutage(false)
    await pollUntil('checks reach the coordinator again', isBack)
  })

  it.each<[string, () => ReturnType<typeof signUp>]>([
    ['a sign-in', () => signIn(visitor(), sampleUser('lin'))],
    ['a sign-up', () => signUp(visitor(), newPerson('Not Now'))],
    [
      'a reset mail',
      () => visitor().postForm('/forgot-password', { email: sampleUser('lin').email }),
    ],
    ['another mail', () => visitor().postForm('/check-mail', { email: sampleUser('lin').email })],
    ['a guessed token', () => visitor().postForm('/verify-email', { token: 'guessed' })],
    [
      'a changed password',
      () =>
        ada.postForm('/account?/changePassword', {
          currentPassword: sampleUser('ada').password,
          newPassword: 'never to be set',
        }),
    ],
  ])('%s is refused, and accused of nothing', async (_, attempt) => {
    const response = await attempt()
    expect(response.status).toBe(503)
    expect(response.text).toMatch(/We cannot do this safely right now\. Try again in \d+ second/)
    expect(response.text).not.toContain('Too many')
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  })

  it('the API is open, counted in KV to its whole limit', async () => {
    const client = visitor()
    for (let call = 1; call <= 100; call++) {
      const { status, headers } = await client.get('/api/content')
      expect(status, `call ${call}`).toBe(200)
      expect(headers.get('ratelimit')).toContain(`"api";r=${100 - call};`)
    }
    const refused = await client.get('/api/content')
    expect(refused.status).toBe(503)
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(JSON.parse(refused.text)).toMatchObject({
      type: expect.stringContaining('temporary-reduced-capacity') as unknown,
    })
  })

  it('who is signed in stays so, and uploads', async () => {
    expect(await isSignedIn(ada)).toBe(true)
    expect((await putUpload(ada, tinyPng())).status).toBe(201)
  })

  it('the owner reads that the limits are not known, on a page that works otherwise', async () => {
    const shown = await grace.postForm('/admin?/lookUpLimits', { who: sampleUser('lin').email })
    expect(shown.status).toBe(200)
    expect(shown.text).toContain('The coordinator did not answer')
    expect(shown.text).toContain('the coordinator was away')
    const change = { who: sampleUser('lin').email, policy: 'login' }
    expect((await grace.postForm('/admin?/resetLimit', change)).status).toBe(502)
  })
})

it('after it everything is exact again', async () => {
  const client = visitor()
  const first = await client.get('/api/content')
  expect(first.operations).toMatchObject({ doRequests: 1, kvWrites: 0 })
  expect((await signIn(client, sampleUser('lin'))).status).toBe(303)
})
