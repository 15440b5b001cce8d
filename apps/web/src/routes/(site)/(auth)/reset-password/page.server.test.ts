import { isRedirect } from '@sveltejs/kit'
import { describe, expect, it } from 'vitest'
import { createMemoryRateLimits } from '$lib/server/limits/memory-rate-limits.ts'
import type { RateLimits } from '$lib/server/limits/rate-limits.ts'
import { actions } from './+page.server.ts'

const { default: resetPassword } = actions

type ActionEvent = Parameters<NonNullable<typeof resetPassword>>[0]

/** Submits the form on a site where every link is Ada's. */
async function submit(limits: RateLimits): Promise<unknown> {
  const event = {
    request: new Request('https://codex.example/reset-password', {
      method: 'POST',
      body: new URLSearchParams({ token: 'token', password: 'a new password' }),
    }),
    locals: {
      app: { limits },
      auth: { resetPassword: () => Promise.resolve({ ok: true, email: 'ada@codex.example' }) },
      address: '203.0.113.7',
    },
    setHeaders: () => undefined,
  }
  try {
    return await resetPassword?.(event as unknown as ActionEvent)
  } catch (thrown) {
    return thrown
  }
}

describe('choosing a new password', () => {
  it('opens the sign-in that too many wrong passwords have closed', async () => {
    const limits = createMemoryRateLimits()
    const login = { policy: 'login', email: 'Ada@codex.example' } as const
    for (let attempt = 1; attempt <= 5; attempt++) await limits.check('login', [login])
    expect(await limits.check('login', [login])).toMatchObject({ allowed: false })

    const answer = await submit(limits)
    expect(isRedirect(answer) && answer.location).toBe('/sign-in?reset=1')
    expect(await limits.check('login', [login])).toMatchObject({ allowed: true })
  })

  it('is limited itself', async () => {
    const limits = createMemoryRateLimits()
    for (let attempt = 1; attempt <= 5; attempt++)
      expect(isRedirect(await submit(limits))).toBe(true)
    expect(await submit(limits)).toMatchObject({ status: 429 })
  })
})
