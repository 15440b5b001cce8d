import { describe, expect, it } from 'vitest'
import { setCachePolicy } from './cache-policy.ts'

const anonymous = { routeId: '/(site)/browse', method: 'GET', hasCookies: false }

function cacheControl(
  options: Partial<Parameters<typeof setCachePolicy>[1]> = {},
  response = new Response('x'),
): string | null {
  setCachePolicy(response, { ...anonymous, ...options })
  return response.headers.get('cache-control')
}

describe('setCachePolicy', () => {
  it('sends no Cache-Control with a public page of an anonymous visitor, also if a route set one', () => {
    expect(cacheControl()).toBeNull()
    const response = new Response('x', { headers: { 'cache-control': 'max-age=60' } })
    expect(cacheControl({}, response)).toBeNull()
    expect(response.headers.get('vary')).toBe('Cookie')
  })

  it.each([
    ['a visitor with cookies', { hasCookies: true }],
    ['a personal route', { routeId: '/(site)/account' }],
    ['an unknown route', { routeId: null }],
    ['an answer to a form', { method: 'POST' }],
  ])('forbids to store for %s', (_, options) => {
    expect(cacheControl(options)).toBe('private, no-store')
  })

  it('forbids to store what sets a cookie, what failed, and what a route declared public', () => {
    const withCookie = new Response('x', { headers: { 'set-cookie': 'a=b' } })
    expect(cacheControl({}, withCookie)).toBe('private, no-store')
    expect(cacheControl({}, new Response('x', { status: 503 }))).toBe('private, no-store')
    const declared = new Response('x', { headers: { 'cache-control': 'public, max-age=60' } })
    expect(cacheControl({ routeId: '/(site)/library' }, declared)).toBe('private, no-store')
  })
})
