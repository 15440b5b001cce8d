import { isSignedIn, listCategory, sampleUser, signIn, type SiteClient } from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signedInPerson, signedInSample, visitor } from '../src/visitor.ts'

/** A browser that has the token and not the sealed copy, which spares the first request elsewhere a question. */
async function withTokenOnly(client: SiteClient): Promise<SiteClient> {
  const cookies = (await client.cookieHeader()).split('; ')
  const fresh = visitor()
  await fresh.setCookie(cookies.find((cookie) => /^\w+_session=/.test(cookie)) ?? '')
  return fresh
}

describe('a page view of who is signed in', () => {
  it('costs no query, no KV and no request to the coordinator for the session', async () => {
    const { client } = await signedInPerson('Frequent Fay')
    await client.get('/sign-up')
    const view = await client.get('/sign-up')
    expect(view.location).toBe('/account')
    expect(view.operations).toMatchObject({ d1Queries: 0, kvReads: 0, kvWrites: 0, doRequests: 0 })
  })

  it('of a forged token costs nothing', async () => {
    const { client } = await signedInPerson('Forged Finn')
    const forger = await withTokenOnly(client)
    const [name = '', value = ''] = (await forger.cookieHeader()).split('=')
    await forger.setCookie(`${name}=${value.slice(0, -4)}AAAA`)
    const view = await forger.get('/sign-up')
    expect(view.status).toBe(200)
    expect(view.operations).toMatchObject({ d1Queries: 0, doRequests: 0 })
  })

  it('is private and kept by nobody', async () => {
    const { client } = await signedInPerson('Private Pia')
    const view = await client.get('/browse')
    expect(view.headers.get('cache-control')).toBe('private, no-store')
  })
})

describe('a session', () => {
  it('that is not to be remembered ends with the browser, and any other in 30 days', async () => {
    const { person } = await signedInPerson('Forgetful Fred')
    const cookieOf = async (fields: Record<string, string>): Promise<string> => {
      const { email, password } = person
      const response = await visitor().postForm('/sign-in', { email, password, ...fields })
      expect(response.status).toBe(303)
      return response.headers.getSetCookie()[0] ?? ''
    }
    expect(await cookieOf({})).not.toMatch(/Max-Age|Expires/i)
    expect(await cookieOf({ remember: 'on' })).toMatch(/Max-Age=2592000/)
  })

  it('tells the browser to forget its pages at sign-out', async () => {
    const { client } = await signedInPerson('Leaving Lea')
    const response = await client.postForm('/sign-out')
    expect(response.headers.get('clear-site-data')).toBe('"cache"')
  })

  it('is refused a change that another site sends with its cookie, with no content type too', async () => {
    const { client } = await signedInPerson('Lured Lou')
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      const response = await client.request('/sign-out', { method: 'POST', headers })
      expect(response.status).toBe(403)
    }
    expect(await isSignedIn(client)).toBe(true)
  })

  it('gets a new token when its user confirms who they are, and goes on where they were', async () => {
    const { client, person } = await signedInPerson('Careful Cora')
    const before = await client.cookieHeader()
    const page = await client.get('/confirm-password?next=/library')
    expect(page.text).toContain('Confirm it is you')
    const wrong = await client.postForm('/confirm-password', {
      password: 'not it',
      next: '/library',
    })
    expect(wrong.status).toBe(400)
    for (const [next, location] of [
      ['/library', '/library'],
      ['https://evil.example/', '/account'],
      ['//evil.example', '/account'],
    ] as const) {
      const { password } = person
      const confirmed = await client.postForm('/confirm-password', { password, next })
      expect(confirmed.location).toBe(location)
    }
    expect(await client.cookieHeader()).not.toBe(before)
    expect(await isSignedIn(client)).toBe(true)
    expect((await visitor().get('/confirm-password')).location).toContain('/sign-in')
  })
})

describe('the account page', () => {
  it('lists each device with its network, and signs out all others', async () => {
    const { client, person } = await signedInPerson('Many Devices')
    const phones = [visitor({ clientIp: '203.0.113.77' }), visitor()]
    for (const phone of phones) await signIn(phone, person)
    const page = await client.get('/account')
    expect(page.text).toContain('This device')
    expect(page.text).toContain('203.0.113.0/24')
    expect(page.text).not.toContain('203.0.113.77')
    expect(page.operations?.d1Queries).toBe(0)
    expect((await client.postForm('/account?/revokeOthers')).status).toBe(200)
    for (const phone of phones) expect(await isSignedIn(phone)).toBe(false)
    expect(await isSignedIn(client)).toBe(true)
  })
})

describe('the owner', () => {
  it('signs somebody out everywhere, by e-mail or id', async () => {
    const grace = await signedInSample('grace')
    const { client, person } = await signedInPerson('Sent Home')
    const phone = visitor()
    await signIn(phone, person)
    const out = await grace.postForm('/admin?/signOutUser', {
      who: ` ${person.email.toUpperCase()} `,
    })
    expect(out.text).toContain('Sent Home is signed out of 2 devices.')
    expect(await isSignedIn(client)).toBe(false)
    expect(await isSignedIn(phone)).toBe(false)
    const lin = await signedInSample('lin')
    const byId = await grace.postForm('/admin?/signOutUser', { who: sampleUser('lin').id })
    expect(byId.status).toBe(200)
    expect(await isSignedIn(lin)).toBe(false)
    expect((await grace.postForm('/admin?/signOutUser', { who: 'nobody' })).status).toBe(404)
  })

  it('signs everyone out, with a word that confirms it', async () => {
    const grace = await signedInSample('grace')
    const { client } = await signedInPerson('One Of All')
    expect((await grace.postForm('/admin?/signOutEveryone', {})).status).toBe(400)
    expect(await isSignedIn(client)).toBe(true)
    const confirmed = { confirmation: 'everyone' }
    expect((await client.postForm('/admin?/signOutEveryone', confirmed)).status).toBe(403)
    const out = await grace.postForm('/admin?/signOutEveryone', confirmed)
    expect(out.location).toContain('/sign-in')
    expect(await isSignedIn(client)).toBe(false)
    expect(await isSignedIn(grace)).toBe(false)
    expect(await isSignedIn(await signedInSample('grace'))).toBe(true)
  })
})

describe('while sessions cannot be asked of the coordinator', () => {
  let client: SiteClient
  let person: { readonly email: string; readonly password: string }
  const switchOutage = async (on: boolean): Promise<void> => {
    expect((await visitor().postJson('/dev/session-outage', { on })).status).toBe(200)
  }

  beforeAll(async () => {
    ;({ client, person } = await signedInPerson('Patient Pat'))
    await switchOutage(true)
  })
  afterAll(() => switchOutage(false))

  it('pages within their bound still open, signed in', async () => {
    for (const path of ['/', '/library']) {
      const page = await client.get(path)
      expect(page.status).toBe(200)
      expect(page.text).toContain('Sign out')
    }
  })

  it('changes, and what must be exact, answer 503, and clear no cookie', async () => {
    const [item] = await listCategory(visitor(), 'courses')
    const answers = [
      await client.postForm(`/item/${item?.slug ?? ''}?/buy`),
      await client.postForm('/account?/revokeOthers'),
      await client.postForm('/sign-out'),
      await client.get('/account'),
      await signIn(visitor(), person),
    ]
    for (const { url, status, headers } of answers) {
      expect(status, url).toBe(503)
      expect(Number(headers.get('retry-after')), url).toBeGreaterThanOrEqual(1)
      expect(headers.getSetCookie(), url).toEqual([])
    }
  })

  it('nobody was signed out by it', async () => {
    await switchOutage(false)
    expect((await client.get('/account')).status).toBe(200)
    await switchOutage(true)
  })
})
