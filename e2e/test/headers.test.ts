import { expect, it } from 'vitest'
import { signedInSample, visitor } from '../src/visitor.ts'

const personalPages = ['/library', '/account', '/studio', '/studio/items/new', '/admin']

it.each([
  '/',
  '/browse',
  '/browse/courses',
  '/sign-in',
  '/no-such-page',
  '/api/content',
  '/healthz',
])('puts the security headers on %s', async (path) => {
  const { headers } = await visitor().get(path)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('referrer-policy')).toBe('same-origin')
  expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toMatch(/script-src[^;]*unsafe/)
})

it.each(personalPages)('lets nobody store %s', async (path) => {
  const owner = await signedInSample('grace')
  const response = await owner.get(path)
  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('private, no-store')
})

it('lets nobody store a public page as a signed-in person sees it', async () => {
  const lin = await signedInSample('lin')
  const response = await lin.get('/')
  expect(response.text).toContain('Sign out')
  expect(response.headers.get('cache-control')).toBe('private, no-store')
})

it('shows a visitor the public page right after a person has seen it', async () => {
  const lin = await signedInSample('lin')
  await lin.get('/browse/writing')
  const response = await visitor().get('/browse/writing')
  expect(response.text).not.toContain('Sign out')
})

it.each(personalPages)('sends a visitor from %s to the sign-in', async (path) => {
  const response = await visitor().get(path)
  expect(response.status).toBe(303)
  expect(response.location).toBe(`/sign-in?next=${encodeURIComponent(path)}`)
})

it('refuses a form that another site posts', async () => {
  const lin = await signedInSample('lin')
  const response = await lin.request('/sign-out', {
    method: 'POST',
    headers: {
      origin: 'https://evil.example',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: '',
  })
  expect(response.status).toBe(403)
  expect((await lin.get('/library')).status).toBe(200)
})
