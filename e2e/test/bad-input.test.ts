import { isSignedIn, pollUntil, sampleUser, signIn } from '@codex/local-stack'
import { describe, expect, it } from 'vitest'
import { listKeys, namespaceIds, readValueIfThere, writeValue } from '../src/local-kv.ts'
import { signedInSample, visitor } from '../src/visitor.ts'

const formPages = ['/sign-in', '/sign-up', '/forgot-password', '/reset-password', '/verify-email']

describe('a malformed body', () => {
  it.each(formPages)('gets a clear answer from %s', async (path) => {
    for (const [type, body] of [
      ['application/x-www-form-urlencoded', ''],
      ['application/x-www-form-urlencoded', '%E0%A4%A&&&=='],
      ['multipart/form-data; boundary=x', '--not-the-boundary'],
      ['multipart/form-data', 'no boundary'],
      ['application/json', '{"email":'],
      ['text/plain', 'hello'],
    ] as const) {
      const response = await visitor().request(path, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      })
      expect(response.status, `${type} ${body}`).toBeGreaterThanOrEqual(400)
      expect(response.status, `${type} ${body}`).toBeLessThan(500)
    }
  })

  it.each(formPages)('that is too large is refused by %s', async (path) => {
    const response = await visitor().postForm(path, { email: 'x'.repeat(200_000) })
    expect(response.status).toBe(413)
  })

  it('of JSON gets a clear answer', async () => {
    for (const body of ['', '{', '[]', '{"on":"yes"}', 'null']) {
      const response = await visitor().request('/dev/kv-outage', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      expect(response.status, body).toBe(400)
    }
  })

  it('to an action that is not there is refused', async () => {
    const ada = await signedInSample('ada')
    const response = await ada.postForm('/studio?/noSuchAction')
    expect(response.status).toBe(404)
  })
})

describe('a sign-up', () => {
  it.each([
    ['no e-mail', { email: '' }],
    ['something that is no e-mail', { email: 'nobody' }],
    ['a password that is too short', { password: 'short' }],
    ['a password that is endless', { password: 'x'.repeat(10_000) }],
    ['no name', { name: ' ' }],
  ])('with %s is refused with a reason', async (_what, change) => {
    const fields = { name: 'Some Body', email: 'some@people.example', password: 'long enough now' }
    const response = await visitor().postForm('/sign-up', { ...fields, ...change })
    expect(response.status).toBe(400)
    expect(response.text).toMatch(/field-error|notice-bad/)
  })
})

describe('a session cookie', () => {
  it('that is forged, truncated or damaged is no session, and harms nobody', async () => {
    const client = visitor()
    await signIn(client, sampleUser('lin'))
    const cookies = await client.cookieHeader()
    const [, name = '', value = ''] = /(\w*session)=([^;]+)/.exec(cookies) ?? []
    expect(value).not.toBe('')
    const [token = '', signature = ''] = decodeURIComponent(value).split('.')
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    for (const forged of [
      '',
      token,
      `${token}.`,
      value.slice(0, -4),
      value.slice(0, 10),
      encodeURIComponent(`${token}.${flipped}`),
      encodeURIComponent(`${token.slice(0, -1)}${token.endsWith('x') ? 'y' : 'x'}.${signature}`),
      '%E0%A4%A',
      'x'.repeat(4_000),
      '__proto__',
    ]) {
      const response = await visitor().request('/library', {
        headers: { cookie: `${name}=${forged}` },
      })
      expect([response.status, response.location], forged).toEqual([
        303,
        '/sign-in?next=%2Flibrary',
      ])
    }
    expect(await isSignedIn(client)).toBe(true)
  })
})

describe('a corrupt value in KV', () => {
  it('never breaks a page: it is read from the database again', async () => {
    const client = visitor()
    await signIn(client, sampleUser('lin'))
    const grace = await signedInSample('grace')
    const pages = ['/', '/browse', '/browse/courses', '/library']
    for (const path of pages) await client.get(path)
    const entries = await Promise.all(
      namespaceIds.map(async (namespaceId) =>
        (await listKeys(namespaceId)).map(({ name }) => ({ namespaceId, key: name })),
      ),
    )
    for (const garbage of ['{"cut', 'null', '[]', '42', '']) {
      // So that nothing is served from the memory of the isolate, and KV is read.
      expect((await grace.postForm('/admin?/purge', { prefix: 'cache:' })).status).toBe(200)
      await Promise.all(
        entries
          .flat()
          .map(({ namespaceId, key }) => writeValue(namespaceId, { key, value: garbage })),
      )
      for (const path of pages) {
        const response = await client.get(path)
        expect(response.status, `${path} over ${JSON.stringify(garbage)}`).toBe(200)
      }
      expect((await visitor().get('/api/content')).status).toBe(200)
    }
    // What is loaded within a second of a delete stays in the memory of the isolate, and is written when that is over.
    await pollUntil('the garbage is written over', async () => {
      await client.get('/browse')
      return (await readValueIfThere('cache', 'cache:content-list:newest'))?.includes('"items"')
    })
  })
})

it.each(['PUT', 'DELETE', 'PATCH'])('%s on a page is refused', async (method) => {
  const response = await visitor().request('/browse', { method })
  expect(response.status).toBe(405)
})
