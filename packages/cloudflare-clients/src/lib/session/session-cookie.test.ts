import { parse } from 'cookie-es'
import { CookieJar, PrefixSecurityEnum } from 'tough-cookie'
import { describe, expect, test } from 'vitest'
import cases from '../../../test/fixtures/http-state/parser.json'
import { createSessionCookies, readCookies } from './session-cookie.ts'

const token = `v1.a1.${'u'.repeat(22)}.${'s'.repeat(43)}.${'m'.repeat(43)}`
const host = 'example.com'

function createJar(): CookieJar {
  return new CookieJar(undefined, { prefixSecurity: PrefixSecurityEnum.STRICT })
}

/** Takes a header as a browser at `url` would, and gives what the browser then holds. */
function take(header: string, { jar = createJar(), url = `https://${host}/account/login` } = {}) {
  const cookie = jar.setCookieSync(header, url)
  return { jar, cookie }
}

describe('a Cookie header', () => {
  test('is read as each of the 222 cases of the http-state working group says', () => {
    expect(cases).toHaveLength(222)
    for (const { test: id, sent } of cases) {
      const pairs = sent.map(({ name, value }) => [name, value] as const)
      const header = pairs.map((pair) => pair.join('=')).join('; ')

      // All of them, in order, with those of one name: what the library reads.
      const all = parse(header, { decode: (value) => value, allowMultiple: true })
      const read = Object.entries(all).flatMap(([name, values]) =>
        [values].flat().map((value) => [name, value] as const),
      )
      expect(read, id).toEqual(pairs)

      // The first of each name: what we take of it.
      const names = [...new Set(pairs.map(([name]) => name))]
      const first = new Map(pairs.toReversed())
      expect({ ...readCookies(header, [...names, 'absent']) }, id).toEqual(
        Object.fromEntries(names.map((name) => [name, first.get(name)])),
      )
    }
  })

  test.for([
    ['alone', `__Host-session=${token}`],
    ['between others', `a=1; __Host-session=${token}; b=2`],
    ['without spaces', `a=1;__Host-session=${token};b=2`],
    ['after a pair without a name and one without a value', `;=x; y; __Host-session=${token}`],
    ['before another of its name', `__Host-session=${token}; __Host-session=evil`],
  ])('gives the token %s', ([, header]) => {
    expect(createSessionCookies().read(header)).toEqual({ token, copy: null })
  })

  test.for([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['an empty value', '__Host-session='],
    ['the name without its prefix', `session=${token}`],
    ['the name in other letters', `__host-Session=${token}`],
    ['a longer name', `x__Host-session=${token}; __Host-session2=${token}`],
    ['the name as a value', `a=__Host-session`],
  ])('of %s gives none', ([, header]) => {
    expect(createSessionCookies().read(header)).toEqual({ token: null, copy: null })
  })

  test('gives the sealed copy beside the token, as it was sent', () => {
    const header = `__Host-session-copy="%41 +"; __Host-session=%2e`
    expect(createSessionCookies().read(header)).toEqual({ token: '%2e', copy: '"%41 +"' })
  })

  test('takes no name from the prototype', () => {
    expect({ ...readCookies('a=1', ['constructor', '__proto__', 'a']) }).toEqual({ a: '1' })
  })
})

describe('a Set-Cookie header', () => {
  test('is written in full', () => {
    expect(createSessionCookies().write(token, 3600)).toBe(
      `__Host-session=${token}; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax`,
    )
    expect(createSessionCookies({ secure: false, sameSite: 'strict' }).write(token)).toBe(
      `session=${token}; Path=/; HttpOnly; SameSite=Strict`,
    )
  })

  test.for([
    ['lax', undefined],
    ['lax', 3600],
    ['strict', undefined],
    ['strict', 3600],
  ] as const)('is taken by a strict browser: %s, %s seconds', ([sameSite, maxAgeSeconds]) => {
    const cookies = createSessionCookies({ sameSite })
    const headers = [
      cookies.write(token, maxAgeSeconds),
      cookies.writeCopy('sealed', maxAgeSeconds) ?? '',
    ]
    const jar = createJar()
    for (const [index, header] of headers.entries()) {
      const { cookie } = take(header, { jar })
      expect(cookie).toMatchObject({
        key: index === 0 ? '__Host-session' : '__Host-session-copy',
        value: index === 0 ? token : 'sealed',
        secure: true,
        httpOnly: true,
        hostOnly: true,
        path: '/',
        domain: host,
        sameSite,
        maxAge: maxAgeSeconds ?? null,
      })
      expect(cookie?.isPersistent()).toBe(maxAgeSeconds !== undefined)
    }
    const sent = jar.getCookieStringSync(`https://${host}/any/page`)
    expect(cookies.read(sent)).toEqual({ token, copy: 'sealed' })
    expect(jar.getCookieStringSync(`http://${host}/any/page`)).toBe('')
    expect(jar.getCookieStringSync(`https://sub.${host}/`)).toBe('')
    expect(jar.getCookieStringSync(`https://${host}/`, { http: false })).toBe('')
    expect(jar.getCookieStringSync(`https://${host}/`, { sameSiteContext: 'none' })).toBe('')
    expect(jar.getCookieStringSync(`https://${host}/`, { sameSiteContext: 'lax' })).toBe(
      sameSite === 'lax' ? sent : '',
    )
  })

  test('is refused by the browser over plain HTTP, unless it is said to be development', () => {
    const url = 'http://dev.example:5173/'
    expect(() => take(createSessionCookies().write(token), { url })).toThrow(
      'not a secure connection',
    )
    const { jar, cookie } = take(createSessionCookies({ secure: false }).write(token), { url })
    expect(cookie).toMatchObject({ key: 'session', secure: false, httpOnly: true, sameSite: 'lax' })
    expect(createSessionCookies({ secure: false }).read(jar.getCookieStringSync(url)).token).toBe(
      token,
    )
  })

  test('takes both cookies away again, and one alone', () => {
    for (const [secure, url] of [
      [true, `https://${host}/`],
      [false, `http://${host}/`],
    ] as const) {
      const cookies = createSessionCookies({ secure })
      const { jar } = take(cookies.write(token, 3600), { url })
      take(cookies.writeCopy('sealed') ?? '', { jar, url })
      take(cookies.clearCopy(), { jar, url })
      expect(cookies.read(jar.getCookieStringSync(url))).toEqual({ token, copy: null })
      take(cookies.writeCopy('sealed') ?? '', { jar, url })
      for (const header of cookies.clear()) take(header, { jar, url })
      expect(jar.getCookieStringSync(url)).toBe('')
    }
  })

  test.for([
    [0, 0],
    [0.9, 0],
    [59.999, 59],
    [34_559_999, 34_559_999],
    [34_560_000, 34_560_000],
    [34_560_001, 34_560_000],
    [Infinity, 34_560_000],
  ] as const)('of %d seconds is kept for %d', ([maxAgeSeconds, kept]) => {
    expect(createSessionCookies().write(token, maxAgeSeconds)).toContain(`; Max-Age=${kept};`)
  })

  test.for([-1, -0.1, NaN])('of %d seconds is refused', (maxAgeSeconds) => {
    expect(() => createSessionCookies().write(token, maxAgeSeconds)).toThrow(RangeError)
  })

  test.for(['', 'a b', 'a;Domain=evil', 'a\r\nX: y', 'a,b', 'é', 'a"b'])(
    'of the value %j is refused, and says no value',
    (value) => {
      const cookies = createSessionCookies()
      for (const write of [cookies.write, cookies.writeCopy]) {
        expect(() => write(value)).toThrow(
          /^Cannot write cookie "__Host-session(-copy)?": its value must be of letters, digits and "-._~", received an/,
        )
      }
    },
  )

  test('is written up to 4,096 bytes, which is what a browser keeps', () => {
    const cookies = createSessionCookies()
    const { name, copyName } = cookies
    expect(cookies.write('t'.repeat(4096 - name.length))).toContain('ttt')
    expect(() => cookies.write('t'.repeat(4097 - name.length))).toThrow(
      'Cannot write cookie "__Host-session": name and value must have at most 4096 bytes, received 4097',
    )
    expect(cookies.writeCopy('t'.repeat(4096 - copyName.length))).toContain('ttt')
    expect(cookies.writeCopy('t'.repeat(4097 - copyName.length))).toBeNull()
  })
})

test.for<[Record<string, unknown>, string]>([
  [{ name: '' }, 'name must be a cookie name, received ""'],
  [{ name: 'a b' }, 'name must be a cookie name, received "a b"'],
  [{ name: 'a=b' }, 'name must be a cookie name, received "a=b"'],
  [{ name: 'a;b' }, 'name must be a cookie name, received "a;b"'],
  [{ name: 1 }, 'name must be a cookie name, received number'],
  [{ name: '__Host-a' }, 'name must have no prefix, received "__Host-a"'],
  [{ name: '__secure-a' }, 'name must have no prefix, received "__secure-a"'],
  [{ secure: 'no' }, 'secure must be true or false, received string'],
  [{ sameSite: 'none' }, 'sameSite must be "lax" or "strict", received "none"'],
])('refuses the options %j', ([options, message]) => {
  const create = () => createSessionCookies(options)
  expect(create).toThrow(TypeError)
  expect(create).toThrow(`Cannot create session cookies: ${message}`)
})

test('is named as it was asked for', () => {
  expect(createSessionCookies({ name: 'sid' })).toMatchObject({
    name: '__Host-sid',
    copyName: '__Host-sid-copy',
  })
})
