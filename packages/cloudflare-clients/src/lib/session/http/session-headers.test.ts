import { describe, expect, test } from 'vitest'
import { clearSiteData, privateNoStore, type SiteData } from './session-headers.ts'

describe('privateNoStore', () => {
  test.for([
    [null, 'private, no-store'],
    ['public, max-age=3600', 'private, no-store'],
    ['max-age=3600', 'private, no-store'],
    ['no-cache', 'private, no-store'],
    ['private, s-maxage=60', 'private, no-store'],
    ['public, private', 'private, no-store'],
    ['private="Set-Cookie"', 'private, no-store'],
    ['private, max-age=60', 'private, max-age=60'],
    ['Private', 'Private'],
    ['no-store', 'no-store'],
  ])('makes %j %j', ([before, after]) => {
    const headers = new Headers(before == null ? {} : { 'Cache-Control': before })
    privateNoStore(headers)
    expect(headers.get('Cache-Control')).toBe(after)
    expect(headers.get('Vary')).toBe('Cookie')
  })

  test.for([
    ['Accept', 'Accept, Cookie'],
    ['accept, COOKIE', 'accept, COOKIE'],
    ['*', '*'],
  ] as const)('makes Vary: %s be %s', ([before, after]) => {
    const headers = new Headers({ Vary: before })
    privateNoStore(headers)
    expect(headers.get('Vary')).toBe(after)
  })

  test('takes away what tells a cache in front to keep it all the same', () => {
    const headers = new Headers({
      'CDN-Cache-Control': 'max-age=60',
      'Cloudflare-CDN-Cache-Control': 'max-age=60',
      'Surrogate-Control': 'max-age=60',
      'X-Other': 'stays',
    })
    privateNoStore(headers)
    expect(Object.fromEntries(headers)).toEqual({
      'cache-control': 'private, no-store',
      vary: 'Cookie',
      'x-other': 'stays',
    })
  })
})

describe('clearSiteData', () => {
  test.for([
    [undefined, '"cache"'],
    [['storage'], '"storage"'],
    [['cache', 'cookies', 'storage'], '"cache", "cookies", "storage"'],
  ] as const)('of %j is %s', ([what, value]) => {
    const headers = new Headers()
    clearSiteData(headers, what)
    expect(headers.get('Clear-Site-Data')).toBe(value)
  })

  test.for([[], ['*'], ['"cache"'], 'cache'])('refuses %j', (what) => {
    const headers = new Headers()
    expect(() => {
      clearSiteData(headers, what as SiteData[])
    }).toThrow(
      `Cannot clear site data: what must be a list of cache, cookies, storage, received ${JSON.stringify(what)}`,
    )
    expect(headers.has('Clear-Site-Data')).toBe(false)
  })
})
