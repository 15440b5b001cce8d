import { createEmptyKV } from '@codex/cloudflare-clients'
import type { AuthorityNamespace } from '@codex/cloudflare-clients/rate-limiter'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createRateLimits } from './create-rate-limits.ts'
import type { RateLimitBindings } from './create-rate-limits.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** A coordinator that answers every call in the same way. */
function coordinator(answer: () => Promise<never>): AuthorityNamespace {
  const object = { acquire: answer, checkAll: answer, getStatus: answer, change: answer }
  return { getByName: () => object }
}

function create(bindings: Partial<RateLimitBindings>) {
  vi.spyOn(console, 'warn').mockReturnValue(undefined)
  const waitUntil = (work: Promise<unknown>): void => {
    void work.catch(() => undefined)
  }
  return createRateLimits({
    authority: null,
    kv: createEmptyKV(),
    bouncers: {},
    waitUntil,
    secret: 'a secret of this test',
    ...bindings,
  })
}

const fails = (): Promise<never> => Promise.reject(new Error('Network connection lost.'))
const hangs = (): Promise<never> => new Promise(() => undefined)

describe.each([
  ['fails', fails],
  ['does not answer', hangs],
])('while the coordinator %s', (_, answer) => {
  it('a sign-in is refused as unavailable, with a time to come back', async () => {
    vi.useFakeTimers()
    const limits = create({ authority: coordinator(answer) })
    await limits.identifiers.of({ address: '203.0.113.7' })
    const checked = limits.check('login', [
      { policy: 'loginAddress', address: '203.0.113.7' },
      { policy: 'login', email: 'a@b.example' },
    ])
    await vi.advanceTimersByTimeAsync(3000)
    const decision = await checked
    expect(decision).toMatchObject({ allowed: false, status: 503 })
    if (decision.allowed) throw new Error('Expected a refusal')
    expect(decision.retryAfterSeconds).toBeGreaterThanOrEqual(1)
    expect(decision.message).toMatch(/^We cannot do this safely right now\. Try again in/)
  })

  it('calls of the API are counted in KV, to the whole limit', async () => {
    vi.useFakeTimers({ now: 60_000 })
    const limits = create({ authority: coordinator(answer) })
    await limits.identifiers.of({ userId: 'a' })
    const decisions = []
    for (let call = 1; call <= 101; call++) {
      const checked = limits.check('api', [{ policy: 'api', userId: 'a' }])
      await vi.advanceTimersByTimeAsync(call <= 3 ? 1000 : 0)
      decisions.push(await checked)
    }
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100)
    expect(decisions.at(-1)).toMatchObject({ allowed: false, status: 503 })
    expect(limits.decisions.counts.find(({ policy }) => policy === 'api')).toMatchObject({
      unavailable: 101,
    })
  })

  it('what the owner asks fails in time', async () => {
    vi.useFakeTimers()
    const limits = create({ authority: coordinator(answer) })
    const status = limits.getStatus({ policy: 'login', identifier: 'account:a' })
    const failed = expect(status).rejects.toThrow()
    await vi.advanceTimersByTimeAsync(3000)
    await failed
  })
})

describe('without the coordinator bound', () => {
  it('KV counts every kind, and nothing can be looked up', async () => {
    const limits = create({ authority: null })
    const login = { policy: 'login', email: 'a@b.example' } as const
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(await limits.check('login', [login])).toMatchObject({ allowed: true })
    }
    expect(await limits.check('login', [login])).toMatchObject({ allowed: false, status: 429 })
    await limits.forgive(login)
    expect(await limits.check('login', [login])).toMatchObject({ allowed: true })
    expect(limits.canLookUp).toBe(false)
    await expect(limits.block({ policy: 'login', identifier: 'account:a' }, 60)).rejects.toThrow()
  })
})

describe('the bouncer', () => {
  it.each(['exact', 'leased'] as const)(
    'denies a flood of %s limits without asking the coordinator',
    async (keeping) => {
      const asked = vi.fn(fails)
      const refuses = { limit: () => Promise.resolve({ success: false }) }
      const limits = create({ authority: coordinator(asked), bouncers: { [keeping]: refuses } })
      const decision =
        keeping === 'exact'
          ? await limits.check('login', [{ policy: 'login', email: 'a@b.example' }])
          : await limits.check('api', [{ policy: 'api', userId: 'a' }])
      expect(decision).toMatchObject({ allowed: false, status: 429, retryAfterSeconds: 60 })
      expect(asked).not.toHaveBeenCalled()
    },
  )
})
