import {
  enterWindow,
  newPerson,
  putUpload,
  sampleUser,
  signIn,
  signUp,
  type SiteResponse,
  tinyPng,
} from '@codex/local-stack'
import { expect, it } from 'vitest'
import { limitOnPage } from '../src/limit-on-page.ts'
import { signedInPerson, signedInSample, visitor } from '../src/visitor.ts'

function log(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** What a refused visitor must be told: when to come back, and in words. */
function expectRefusal(response: SiteResponse, windowSeconds: number): void {
  expect(response.status).toBe(429)
  const retryAfterSeconds = Number(response.headers.get('retry-after'))
  expect(retryAfterSeconds).toBeGreaterThanOrEqual(1)
  expect(retryAfterSeconds).toBeLessThanOrEqual(windowSeconds)
  expect(response.text).toMatch(/(?:Try|try|ask) again in \d+ (?:second|minute|hour)|open in \d+/)
}

/** Does something as often as a window allows, and once more. */
async function exhaust(options: {
  readonly limit: number
  readonly windowSeconds: number
  readonly attempt: () => Promise<SiteResponse>
  readonly allowedStatuses: readonly number[]
}): Promise<void> {
  const { limit, windowSeconds, attempt, allowedStatuses } = options
  await enterWindow({ windowSeconds, neededSeconds: 20, log })
  for (let count = 1; count <= limit; count++) {
    const response = await attempt()
    expect(allowedStatuses, `attempt ${count}`).toContain(response.status)
  }
  expectRefusal(await attempt(), windowSeconds)
}

/** Windows end on the clock, and a test may have to wait for the next one. */
const testTimeoutMs = 90_000

it(
  'denies the 6th wrong password in 15 minutes, and then the right one too',
  async () => {
    const { person } = await signedInPerson('Guess Me')
    await exhaust({
      limit: 5,
      windowSeconds: 900,
      // From a new address every time: the limit is the account's.
      attempt: () => signIn(visitor(), { ...person, password: 'a wrong guess' }),
      allowedStatuses: [401],
    })
    expectRefusal(await signIn(visitor(), person), 900)
    expect((await signIn(visitor(), sampleUser('ingrid'))).status).toBe(303)
  },
  testTimeoutMs,
)

it(
  'forgets wrong passwords once the right one was given',
  async () => {
    const { person } = await signedInPerson('Clumsy')
    await enterWindow({ windowSeconds: 900, neededSeconds: 20, log })
    for (let round = 1; round <= 2; round++) {
      for (let attempt = 1; attempt <= 4; attempt++) {
        const response = await signIn(visitor(), { ...person, password: 'not quite' })
        expect(response.status, `round ${round}, attempt ${attempt}`).toBe(401)
      }
      expect((await signIn(visitor(), person)).status).toBe(303)
    }
  },
  testTimeoutMs,
)

it(
  'denies the 4th new account of one network in an hour',
  async () => {
    const client = visitor()
    await exhaust({
      limit: 3,
      windowSeconds: 3600,
      attempt: () => signUp(client, newPerson('Many Accounts')),
      allowedStatuses: [303],
    })
    expect((await signUp(visitor(), newPerson('Next Door'))).status).toBe(303)
  },
  testTimeoutMs,
)

it(
  'denies the 4th password reset in an hour',
  async () => {
    const { person } = await signedInPerson('Forgetful')
    await exhaust({
      limit: 3,
      windowSeconds: 3600,
      attempt: () => visitor().postForm('/forgot-password', { email: person.email }),
      allowedStatuses: [200],
    })
  },
  testTimeoutMs,
)

it(
  'denies the 6th try to confirm an address in an hour',
  async () => {
    const client = visitor()
    await exhaust({
      limit: 5,
      windowSeconds: 3600,
      attempt: () => client.postForm('/verify-email', { token: 'guessed' }),
      allowedStatuses: [400],
    })
  },
  testTimeoutMs,
)

it(
  'denies the 101st call of the API in a minute',
  async () => {
    const client = visitor()
    await exhaust({
      limit: 100,
      windowSeconds: 60,
      attempt: () => client.get('/api/content'),
      allowedStatuses: [200],
    })
    const refused = await client.get('/api/content')
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(JSON.parse(refused.text)).toMatchObject({
      status: 429,
      type: expect.stringContaining('quota-exceeded') as unknown,
      'violated-policies': ['api'],
    })
    expect(refused.headers.get('ratelimit')).toMatch(/^"api";r=0;t=\d+$/)
    expect(refused.headers.get('ratelimit-policy')).toBe('"api";q=100;w=60')
    // What is denied again is denied by the isolate, without a round trip.
    expect(refused.operations?.doRequests).toBe(0)
    expect((await client.get('/browse')).status).toBe(200)
  },
  testTimeoutMs,
)

it(
  'says in each answer of the API what is left, and asks the coordinator for few of many',
  async () => {
    const client = visitor()
    await enterWindow({ windowSeconds: 60, neededSeconds: 10, log })
    const calls = 60
    let asked = 0
    for (let call = 1; call <= calls; call++) {
      const { status, headers, operations } = await client.get('/api/content')
      expect(status).toBe(200)
      expect(headers.get('ratelimit-policy')).toBe('"api";q=100;w=60')
      const [, left, seconds] = /^"api";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? []
      expect(Number(left)).toBeLessThanOrEqual(100 - call)
      expect(Number(seconds)).toBeLessThanOrEqual(60)
      expect(headers.has('retry-after')).toBe(false)
      asked += operations?.doRequests ?? 0
    }
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThan(calls / 3)
  },
  testTimeoutMs,
)

it(
  'takes back the count of the network when the account denies a sign-in',
  async () => {
    const { person } = await signedInPerson('Shared Network')
    const guesser = visitor()
    await enterWindow({ windowSeconds: 900, neededSeconds: 30, log })
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect((await signIn(guesser, { ...person, password: 'a wrong guess' })).status).toBe(401)
    }
    // Many more than the network may try, all denied for the account.
    for (let attempt = 1; attempt <= 50; attempt++) {
      expect((await signIn(guesser, person)).status, `denied attempt ${attempt}`).toBe(429)
    }
    const grace = await signedInSample('grace')
    const shown = await grace.postForm('/admin?/lookUpLimits', { who: guesser.clientIp })
    expect(limitOnPage(shown.text, 'loginAddress')).toContain('5 of 50 used')
    expect((await signIn(guesser, sampleUser('ingrid'))).status).toBe(303)
  },
  testTimeoutMs,
)

it(
  'denies the 11th upload in an hour',
  async () => {
    const client = await signedInSample('mateo')
    await exhaust({
      limit: 10,
      windowSeconds: 3600,
      attempt: () => putUpload(client, tinyPng()),
      allowedStatuses: [201],
    })
    const form = await client.postForm('/studio?/upload', { file: new File(['x'], 'x.txt') })
    expectRefusal(form, 3600)
  },
  testTimeoutMs,
)
