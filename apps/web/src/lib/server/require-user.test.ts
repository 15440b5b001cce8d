import type { SessionAuthorityNamespace } from '@codex/cloudflare-clients/session'
import { isRedirect } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import { describe, expect, it, vi } from 'vitest'
import { createSessions } from './create-sessions.ts'
import { requireRecentSignIn } from './require-user.ts'

const minuteMs = 60_000

/** Somebody who gave their password at 0 posts a form. */
function postOf(url: string): RequestEvent {
  const session = { id: 's', authenticatedAtMs: 0, user: { id: 'lin' } }
  return {
    locals: { session, sessionUnavailable: false },
    url: new URL(url, 'https://codex.example'),
    request: new Request('https://codex.example', { method: 'POST' }),
  } as unknown as RequestEvent
}

function locationOf(run: () => unknown): string | null {
  try {
    run()
    return null
  } catch (error) {
    return isRedirect(error) ? error.location : 'another error'
  }
}

describe('requireRecentSignIn', () => {
  it('asks for a password that was given more than 15 minutes ago, and comes back', () => {
    const event = postOf('/item/tide-tables?/buy')
    const locationAt = (nowMs: number) =>
      locationOf(() => {
        requireRecentSignIn(event, nowMs)
      })
    expect(locationAt(15 * minuteMs)).toBeNull()
    expect(locationAt(15 * minuteMs + 1)).toBe('/confirm-password?next=%2Fitem%2Ftide-tables')
  })
})

/** A coordinator that takes every session for good. */
const yes = {
  getByName: () => ({
    getEveryoneEpoch: () => Promise.resolve(0),
    create: () => Promise.resolve({ ok: true, replaced: [] }),
    check: () => Promise.resolve({ ok: true, version: 1 }),
  }),
} as unknown as SessionAuthorityNamespace

describe('createSessions', () => {
  const options = {
    secret: 'a-secret-for-tests-of-40-characters-0001',
    secureCookies: true,
    waitUntil: () => undefined,
  }

  it('asks nothing more than 60 s old of pages, and nothing but the coordinator of changes', async () => {
    const logged = vi.spyOn(console, 'info').mockImplementation(() => undefined)
    const { store, exact } = createSessions({
      ...options,
      authority: yes,
      kv: null,
    })
    expect(exact).toBe('strict')
    const token = await store.create('lin')
    expect(await store.validate(token)).toMatchObject({ ok: true, boundMs: 60_000 })
    const strict = await store.validate(token, { freshness: exact })
    expect(strict).toMatchObject({ ok: true, boundMs: 0, source: 'authority' })
    // Whoever reads the log learns who signed in, and nothing to sign in with.
    const lines = JSON.stringify(logged.mock.calls)
    expect(lines).toContain('session_created')
    expect(lines).not.toContain(token.split('.')[3])
    logged.mockRestore()
  })

  it('keeps nobody signed in where there is no place for it, rather than for a moment', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { store, exact } = createSessions({ ...options, authority: null, kv: null })
    expect(exact).toBe('edge')
    await expect(store.create('lin')).rejects.toMatchObject({ code: 'unavailable' })
    expect(JSON.stringify(logged.mock.calls)).toContain('sessions_not_kept')
    logged.mockRestore()
  })
})
