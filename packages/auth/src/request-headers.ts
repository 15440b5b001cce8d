/** Some clients send kilobytes of user agent, and it is kept in the cache with every session. */
const maxUserAgentLength = 256

/**
 * The only headers that better-auth gets to see: the cookie, and what a session records of its client.
 *
 * @param options.cookie Whether to pass the cookie on. Without it the call is one of nobody.
 */
export function authHeaders(headers: Headers, { cookie }: { cookie: boolean }): Headers {
  const passed = new Headers()
  for (const name of ['cf-connecting-ip', 'user-agent', 'cookie']) {
    const value = headers.get(name)
    if (value === null || (name === 'cookie' && !cookie)) continue
    passed.set(name, name === 'user-agent' ? value.slice(0, maxUserAgentLength) : value)
  }
  return passed
}
