import { describe, expect, it } from 'vitest'
import { createMemoryRateLimits } from './memory-rate-limits.ts'
import type { LimitCheck } from './rate-limits.ts'

const windowMs = 900_000
const clock = { now: () => windowMs }
const signIn = (email: string, address = '203.0.113.7'): readonly LimitCheck[] => [
  { policy: 'loginAddress', address },
  { policy: 'login', email },
]

describe('RateLimits', () => {
  it('counts what a denied attempt had passed before as if it had not been made', async () => {
    const limits = createMemoryRateLimits(clock)
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(await limits.check('login', signIn('a@b.example'))).toMatchObject({ allowed: true })
    }
    for (let attempt = 1; attempt <= 60; attempt++) {
      expect(await limits.check('login', signIn('a@b.example'))).toMatchObject({
        allowed: false,
        status: 429,
      })
    }
    const address = await limits.identifiers.of({ address: '203.0.113.7' })
    expect(await limits.getStatus({ policy: 'loginAddress', identifier: address })).toMatchObject({
      used: 5,
    })
    expect(await limits.check('login', signIn('c@d.example'))).toMatchObject({ allowed: true })
  })

  it('does not touch an account for an address that is over its limit', async () => {
    const limits = createMemoryRateLimits(clock)
    for (let person = 1; person <= 50; person++) {
      await limits.check('login', signIn(`${person}@b.example`))
    }
    expect(await limits.check('login', signIn('victim@b.example'))).toMatchObject({
      allowed: false,
    })
    const account = await limits.identifiers.of({ email: 'victim@b.example' })
    expect(await limits.getStatus({ policy: 'login', identifier: account })).toMatchObject({
      used: 0,
    })
  })

  it('says in the fields of an answer what is left, and as a problem when nothing is', async () => {
    const limits = createMemoryRateLimits(clock)
    const call = () => limits.check('upload', [{ policy: 'upload', userId: 'ada' }])
    expect(await call()).toMatchObject({
      allowed: true,
      headers: { RateLimit: '"upload";r=9;t=2700', 'RateLimit-Policy': '"upload";q=10;w=3600' },
    })
    for (let count = 2; count <= 10; count++) await call()
    const refused = await call()
    if (refused.allowed) throw new Error('Expected the 11th upload to be denied')
    expect(refused.message).toBe(
      'You have uploaded a lot in the last hour. The next upload is open in 45 minutes.',
    )
    const response = refused.toResponse()
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('2700')
    expect(response.headers.get('ratelimit')).toBe('"upload";r=0;t=2700')
    expect(await response.json()).toMatchObject({
      detail: refused.message,
      'violated-policies': ['upload'],
    })
  })

  it('tells who is blocked for how long, and admits again when the block is ended', async () => {
    const limits = createMemoryRateLimits(clock)
    const key = { policy: 'api', identifier: await limits.identifiers.of({ userId: 'a' }) } as const
    const call = () => limits.check('api', [{ policy: 'api', userId: 'a' }])
    await limits.block(key, 120)
    expect(await call()).toMatchObject({
      allowed: false,
      retryAfterSeconds: 120,
      message: 'The owner of this site has closed this to you for 2 minutes.',
    })
    await limits.block(key, 0)
    expect(await call()).toMatchObject({ allowed: true })
  })

  it('applies an own limit until it is ended', async () => {
    const limits = createMemoryRateLimits(clock)
    const email = 'a@b.example'
    const key = { policy: 'login', identifier: await limits.identifiers.of({ email }) } as const
    const call = async () => (await limits.check('login', [{ policy: 'login', email }])).allowed
    await limits.override(key, { limit: 1 })
    expect([await call(), await call()]).toEqual([true, false])
    await limits.override(key, null)
    expect(await call()).toBe(true)
  })

  it('forgets the wrong passwords of who has given the right one', async () => {
    const limits = createMemoryRateLimits(clock)
    const login = { policy: 'login', email: 'a@b.example' } as const
    for (let attempt = 1; attempt <= 5; attempt++) await limits.check('login', [login])
    await limits.forgive(login)
    expect(await limits.check('login', [login])).toMatchObject({ allowed: true })
  })
})
