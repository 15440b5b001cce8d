import {
  isSignedIn,
  linkFromMail,
  newPerson,
  pollUntil,
  readOutbox,
  signIn,
  signUp,
  tokenOf,
  verifyByMail,
} from '@codex/local-stack'
import { describe, expect, it } from 'vitest'
import { signedInPerson, signedInSample, visitor } from '../src/visitor.ts'

describe('signing up', () => {
  it('leads over the mail to a session', async () => {
    const client = visitor()
    const person = newPerson('Iris Holm')
    expect((await signUp(client, person)).location).toBe('/check-mail')
    expect(await isSignedIn(client)).toBe(false)

    const early = await signIn(client, person)
    expect(early.status).toBe(403)
    expect(early.text).toContain('not confirmed yet')

    expect((await verifyByMail(client, person.email)).location).toBe('/sign-in?verified=1')
    expect((await signIn(client, person)).location).toBe('/library')
    expect(await isSignedIn(client)).toBe(true)
  })

  it('answers the same whether or not the address has an account', async () => {
    const { person } = await signedInPerson('Known Already')
    const again = await signUp(visitor(), { ...person, name: 'Somebody Else' })
    const fresh = await signUp(visitor(), newPerson('Somebody New'))
    expect([again.status, again.location]).toEqual([fresh.status, fresh.location])
    expect((await signIn(visitor(), person)).status).toBe(303)
  })

  it('confirms an address once per link, and opening the link alone confirms nothing', async () => {
    const client = visitor()
    const person = newPerson('Link Twice')
    await signUp(client, person)
    const link = await linkFromMail(client, { to: person.email, page: '/verify-email' })
    expect((await client.get(link)).status).toBe(200)
    expect((await signIn(visitor(), person)).status).toBe(403)
    const token = tokenOf(link)
    expect((await client.postForm('/verify-email', { token })).status).toBe(303)
    expect((await client.postForm('/verify-email', { token })).status).toBe(400)
  })

  it('sends the mail again when asked', async () => {
    const client = visitor()
    const person = newPerson('Mail Again')
    const mailCount = async (): Promise<number> =>
      (await readOutbox(client)).filter(({ to }) => to === person.email).length
    await signUp(client, person)
    await pollUntil('the first mail is there', async () => (await mailCount()) === 1)
    expect((await client.postForm('/check-mail', { email: person.email })).status).toBe(200)
    await pollUntil('the second mail is there', async () => (await mailCount()) === 2)
    expect((await verifyByMail(client, person.email)).status).toBe(303)
  })
})

describe('a session', () => {
  it('is authenticated without a database query', async () => {
    const { client } = await signedInPerson()
    await client.get('/')
    const second = await client.get('/')
    expect(second.text).toContain('Sign out')
    expect(second.operations?.d1Queries).toBe(0)
  })

  it('has a cookie that scripts cannot read and that is not sent to other sites', async () => {
    const client = visitor()
    const { person } = await signedInPerson('Cookie Reader')
    const response = await signIn(client, person)
    const [cookie = ''] = response.headers.getSetCookie()
    const [name = ''] = cookie.split('=')
    expect(name).toMatch(/session/)
    // Plain HTTP on this machine: a browser would drop a `__Host-` cookie that is not Secure.
    expect(name).not.toMatch(/^__Host-/)
    expect(cookie).toMatch(/; HttpOnly/i)
    expect(cookie).toMatch(/; SameSite=Lax/i)
    expect(cookie).toMatch(/; Path=\/(;|$)/i)
    expect(cookie).not.toMatch(/; Domain=/i)
  })

  it('ends at sign-out, also for a copy of its cookie', async () => {
    const { client } = await signedInPerson()
    const copy = await client.copy()
    expect(await isSignedIn(copy)).toBe(true)
    expect((await client.postForm('/sign-out')).location).toBe('/')
    expect(await isSignedIn(client)).toBe(false)
    expect(await isSignedIn(copy)).toBe(false)
  })

  it('can be revoked from another device', async () => {
    const { client, person } = await signedInPerson()
    const phone = visitor()
    await signIn(phone, person)
    const page = await client.get('/account')
    const [, sessionId = ''] = /name="sessionId" value="([^"]+)"/.exec(page.text) ?? []
    expect(sessionId).not.toBe('')
    expect((await client.postForm('/account?/revoke', { sessionId })).status).toBe(200)
    expect(await isSignedIn(phone)).toBe(false)
    expect(await isSignedIn(client)).toBe(true)
  })

  it('of somebody else cannot be revoked', async () => {
    const { client: owner, person } = await signedInPerson('Session Owner')
    const phone = visitor()
    await signIn(phone, person)
    const page = await owner.get('/account')
    const [, sessionId = ''] = /name="sessionId" value="([^"]+)"/.exec(page.text) ?? []
    const { client: stranger } = await signedInPerson('Stranger')
    await stranger.postForm('/account?/revoke', { sessionId })
    expect(await isSignedIn(phone)).toBe(true)
  })

  it('leads back to the page that asked for it, and never to another site', async () => {
    const { person } = await signedInPerson()
    const asked = await visitor().get('/account')
    expect(asked.location).toBe('/sign-in?next=%2Faccount')
    const post = (next: string): Promise<string | null> =>
      visitor()
        .postForm('/sign-in', { email: person.email, password: person.password, next })
        .then((response) => response.location)
    expect(await post('/account')).toBe('/account')
    for (const next of ['https://evil.example/', '//evil.example', '/\\evil.example']) {
      expect(await post(next)).toBe('/')
    }
  })
})

describe('a password', () => {
  it('change refuses every older session and keeps this one', async () => {
    const { client, person } = await signedInPerson()
    const phone = visitor()
    await signIn(phone, person)
    const thief = await client.copy()
    const newPassword = `${person.password} again`
    const changed = await client.postForm('/account?/changePassword', {
      currentPassword: person.password,
      newPassword,
    })
    expect(changed.location).toBe('/account?changed')
    expect(await isSignedIn(client)).toBe(true)
    expect(await isSignedIn(phone)).toBe(false)
    expect(await isSignedIn(thief)).toBe(false)
    expect((await signIn(visitor(), person)).status).toBe(401)
    expect((await signIn(visitor(), { ...person, password: newPassword })).status).toBe(303)
  })

  it('change wants the current one', async () => {
    const { client, person } = await signedInPerson()
    const response = await client.postForm('/account?/changePassword', {
      currentPassword: 'not it at all',
      newPassword: 'something new entirely',
    })
    expect(response.status).toBe(400)
    expect((await signIn(visitor(), person)).status).toBe(303)
  })

  it('can be reset by mail, which ends every session', async () => {
    const { client, person } = await signedInPerson()
    const forgetful = visitor()
    expect((await forgetful.postForm('/forgot-password', { email: person.email })).status).toBe(200)
    const link = await linkFromMail(forgetful, { to: person.email, page: '/reset-password' })
    expect((await forgetful.get(link)).status).toBe(200)
    const password = `${person.password} reset`
    const reset = await forgetful.postForm('/reset-password', { token: tokenOf(link), password })
    expect(reset.location).toBe('/sign-in?reset=1')
    expect(await isSignedIn(client)).toBe(false)
    expect((await signIn(visitor(), person)).status).toBe(401)
    expect((await signIn(visitor(), { ...person, password })).status).toBe(303)
    const again = await forgetful.postForm('/reset-password', { token: tokenOf(link), password })
    expect(again.status).toBe(400)
  })

  it('reset answers the same for an address without an account', async () => {
    const { person } = await signedInPerson()
    const known = await visitor().postForm('/forgot-password', { email: person.email })
    const unknown = await visitor().postForm('/forgot-password', { email: 'nobody@people.example' })
    expect(unknown.status).toBe(known.status)
    expect(unknown.text.replaceAll('nobody@people.example', person.email)).toHaveLength(
      known.text.length,
    )
  })
})

it('shows each role the pages that are for it', async () => {
  const lin = await signedInSample('lin')
  const ada = await signedInSample('ada')
  const grace = await signedInSample('grace')
  const statuses = async (path: string): Promise<number[]> =>
    Promise.all([lin, ada, grace].map(async (client) => (await client.get(path)).status))
  expect(await statuses('/library')).toEqual([200, 200, 200])
  expect(await statuses('/studio/items/new')).toEqual([403, 200, 200])
  expect(await statuses('/admin')).toEqual([403, 403, 200])
})
