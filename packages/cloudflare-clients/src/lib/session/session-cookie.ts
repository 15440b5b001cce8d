import { parse, serialize } from 'cookie-es'
import type { SessionCookieOptions } from './session-options.ts'

/** Browsers keep no cookie for longer, and cut what is given: RFC 6265bis, 400 days. */
const maxMaxAgeSeconds = 400 * 24 * 60 * 60
/** Of name and value together. Browsers drop a larger cookie without a word. */
const maxCookieBytes = 4096

/** The cookies of a session: the token's, and that of the sealed copy beside it. */
export interface SessionCookies {
  /** The name with its prefix, such as `__Host-session`. */
  readonly name: string
  /** Such as `__Host-session-copy`. */
  readonly copyName: string
  /**
   * The `Set-Cookie` value for a token.
   *
   * @param maxAgeSeconds How long the browser keeps it, from 0, cut to whole seconds and to 400 days. Without it: until the
   * browser is closed.
   * @throws {TypeError} When the token holds what no cookie may, or the cookie is over 4,096 bytes.
   * @throws {RangeError} When `maxAgeSeconds` is negative or no number.
   */
  write(token: string, maxAgeSeconds?: number): string
  /**
   * The `Set-Cookie` value for a sealed copy, as {@link write}.
   *
   * @returns `null` where it is over 4,096 bytes, which no browser would keep: the session then works without it.
   */
  writeCopy(sealed: string, maxAgeSeconds?: number): string | null
  /** Two `Set-Cookie` values that take both from the browser. */
  clear(): string[]
  /** Only the one that takes the sealed copy. */
  clearCopy(): string
  /**
   * What a Cookie header holds, as it was sent: without decoding, and not judged. An empty value is none. Of two of one name
   * the first counts: browsers send the longer path first. With `__Host-` a browser can hold one only.
   */
  read(cookieHeader: string | null | undefined): {
    readonly token: string | null
    readonly copy: string | null
  }
}

/**
 * Writes and reads the cookies of a session: `__Host-`, `Secure`, `HttpOnly`, `SameSite`, `Path=/` and no `Domain`, so that no
 * script reads them, no subdomain sets them and no plain-HTTP request carries them.
 *
 * @throws {TypeError} When an option is none, or the name is no cookie name or has a prefix already.
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis
 */
export function createSessionCookies(options: SessionCookieOptions = {}): SessionCookies {
  const { name: baseName = 'session', secure = true, sameSite = 'lax' } = options
  assertOptions(baseName, secure, sameSite)
  const name = secure ? `__Host-${baseName}` : baseName
  const copyName = `${name}-copy`
  const attributes = { httpOnly: true, secure, sameSite, path: '/', encode: asItIs } as const

  const clearOne = (cookie: string): string => serialize(cookie, '', { ...attributes, maxAge: 0 })
  const writeOne = (cookie: string, value: string, maxAgeSeconds?: number): string | null => {
    if (!/^[\w.~-]+$/.test(value)) {
      throw new TypeError(
        `Cannot write cookie "${cookie}": its value must be of letters, digits and "-._~", received ${value === '' ? 'an empty one' : 'another character'}`,
      )
    }
    if (maxAgeSeconds !== undefined && !(maxAgeSeconds >= 0)) {
      throw new RangeError(
        `Cannot write cookie "${cookie}": maxAgeSeconds must be 0 or greater, received ${maxAgeSeconds}`,
      )
    }
    if (cookie.length + value.length > maxCookieBytes) return null
    return serialize(cookie, value, {
      ...attributes,
      ...(maxAgeSeconds !== undefined && {
        maxAge: Math.floor(Math.min(maxAgeSeconds, maxMaxAgeSeconds)),
      }),
    })
  }

  return {
    name,
    copyName,
    write(token, maxAgeSeconds) {
      const header = writeOne(name, token, maxAgeSeconds)
      if (header !== null) return header
      throw new TypeError(
        `Cannot write cookie "${name}": name and value must have at most ${maxCookieBytes} bytes, received ${name.length + token.length}`,
      )
    },
    writeCopy: (sealed, maxAgeSeconds) => writeOne(copyName, sealed, maxAgeSeconds),
    clear: () => [clearOne(name), clearOne(copyName)],
    clearCopy: () => clearOne(copyName),
    read(cookieHeader) {
      const { [name]: token = '', [copyName]: copy = '' } = readCookies(cookieHeader, [
        name,
        copyName,
      ])
      return { token: token === '' ? null : token, copy: copy === '' ? null : copy }
    },
  }
}

/** The first value of each of the names in a Cookie header, as it was sent. */
export function readCookies(
  cookieHeader: string | null | undefined,
  names: readonly string[],
): Readonly<Record<string, string | undefined>> {
  return parse(cookieHeader ?? '', { decode: asItIs, filter: (name) => names.includes(name) })
}

/** A value is taken and given byte for byte: "%41" is not "A". */
function asItIs(value: string): string {
  return value
}

function assertOptions(name: unknown, secure: unknown, sameSite: unknown): void {
  const fault =
    typeof name !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)
      ? `name must be a cookie name, received ${typeof name === 'string' ? JSON.stringify(name) : typeof name}`
      : /^__(host|secure|http|host-http)-/i.test(name)
        ? `name must have no prefix, received ${JSON.stringify(name)}`
        : typeof secure !== 'boolean'
          ? `secure must be true or false, received ${typeof secure}`
          : sameSite !== 'lax' && sameSite !== 'strict'
            ? `sameSite must be "lax" or "strict", received ${JSON.stringify(sameSite)}`
            : null
  if (fault !== null) throw new TypeError(`Cannot create session cookies: ${fault}`)
}
