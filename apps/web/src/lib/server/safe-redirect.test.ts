import { describe, expect, it } from 'vitest'
import { safeRedirectPath } from './safe-redirect.ts'

describe('safeRedirectPath', () => {
  it.each(['/', '/library', '/item/first-light?from=mail#buy', '/browse/music?page=2'])(
    'keeps the path %j',
    (path) => {
      expect(safeRedirectPath(path)).toBe(path)
    },
  )

  it.each([
    'https://evil.example/',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    'javascript:alert(1)',
    'library',
    ' /library',
    '',
    `/${'a'.repeat(2048)}`,
  ])('refuses %j', (value) => {
    expect(safeRedirectPath(value, '/library')).toBe('/library')
  })

  it('falls back when there is no value', () => {
    expect(safeRedirectPath(null)).toBe('/')
    expect(safeRedirectPath(undefined, '/account')).toBe('/account')
  })

  it.each(['/sign-in', '/sign-in?next=/sign-in', '/sign-up', '/sign-out', '/check-mail'])(
    'does not lead back to %j',
    (path) => {
      expect(safeRedirectPath(path, '/library')).toBe('/library')
    },
  )

  it('keeps an encoded slash as text', () => {
    expect(safeRedirectPath('/item/%2F%2Fevil.example')).toBe('/item/%2F%2Fevil.example')
  })
})
