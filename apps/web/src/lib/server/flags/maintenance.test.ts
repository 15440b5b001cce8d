import { createEmptyKV } from '@codex/cloudflare-clients'
import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
import { describe, expect, it } from 'vitest'
import { refuseWhileClosed } from './maintenance.ts'
import { siteRuleset } from './site-ruleset.ts'

const { flags } = siteRuleset

function readerOf({ closed }: { readonly closed: boolean }): FlagReader {
  const maintenance = { enabled: closed, version: 1 }
  return new FlagReader(createEmptyKV(), {
    bootstrap: { ...siteRuleset, flags: { ...flags, 'maintenance-mode': maintenance } },
  })
}

interface Asked {
  readonly accept?: string
  readonly action?: boolean
  readonly isDataRequest?: boolean
  readonly closed?: boolean
  readonly role?: 'customer' | 'owner'
}

function ask(
  routeId: string | null,
  { accept = 'text/html,*/*', action, isDataRequest = false, closed = true, role }: Asked = {},
): Response | null {
  const headers = new Headers({ accept, ...(action && { 'x-sveltekit-action': 'true' }) })
  const request = new Request('https://codex.example/', { headers })
  const user = { id: 'u1', name: 'U', email: 'u@codex.example', emailVerified: true }
  return refuseWhileClosed(
    { request, isDataRequest, route: { id: routeId } } as Parameters<typeof refuseWhileClosed>[0],
    { flags: readerOf({ closed }), session: role ? { user: { ...user, role } } : null },
  )
}

describe('while the site is closed', () => {
  it.each(['/(site)', '/(site)/item/[slug]', '/(site)/account', '/(site)/(auth)/sign-up', null])(
    'a visitor of %s gets a page that says when to come back, and that nobody keeps',
    async (route) => {
      const response = ask(route)
      expect(response?.status).toBe(503)
      expect(response?.headers.get('retry-after')).toBe('120')
      expect(response?.headers.get('cache-control')).toBe('no-store')
      expect(response?.headers.get('content-type')).toContain('text/html')
      const page = await response?.text()
      expect(page).toContain('<h1>We will be right back</h1>')
      expect(page).toContain('place-items: center')
    },
  )

  it.each(['/(site)/(auth)/sign-in', '/(site)/(auth)/sign-out', '/dev/outbox'])(
    '%s stays open',
    (route) => {
      expect(ask(route)).toBeNull()
    },
  )

  it('everything is open to owners, and nothing besides to others who are signed in', () => {
    expect(ask('/(site)/admin/flags/[name]', { role: 'owner' })).toBeNull()
    expect(ask('/(site)/admin/flags/[name]', { role: 'customer' })?.status).toBe(503)
  })

  it('the API answers a problem', async () => {
    for (const asked of [{}, { accept: 'application/json' }]) {
      const response = ask('/api/content', asked)
      expect(response?.status).toBe(503)
      expect(response?.headers.get('content-type')).toBe('application/problem+json')
      expect(await response?.json()).toMatchObject({ status: 503, title: 'Unavailable' })
    }
  })

  it('what scripts of an open page ask for comes in their own shapes', async () => {
    const message = expect.stringContaining('come back soon') as unknown
    const data = ask('/(site)/browse', { isDataRequest: true, accept: '*/*' })
    expect([data?.status, await data?.json()]).toEqual([503, { message }])
    const action = ask('/(site)/account', { action: true, accept: 'application/json' })
    expect([action?.status, await action?.json()]).toEqual([
      503,
      { type: 'error', status: 503, error: { message } },
    ])
  })
})

it('leaves everything alone while the site is open', () => {
  expect(ask('/(site)', { closed: false })).toBeNull()
})
