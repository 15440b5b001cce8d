/** An address that may be asked, and what of it may be shown: a query can hold a signature. */
export interface HttpsAddress {
  readonly url: URL
  readonly shown: string
}

const localHost = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/

/** @throws {TypeError} When it is no address that is safe to ask. It never holds the address, in which a password may be. */
export function parseHttpsUri(uri: string): HttpsAddress {
  const url = URL.canParse(uri) ? new URL(uri) : null
  if (url !== null && (url.username !== '' || url.password !== '')) {
    throw new TypeError(
      'Cannot create https source: uri must be without credentials, which go into headers, received some',
    )
  }
  const isLocal = url?.protocol === 'http:' && localHost.test(url.hostname)
  if (url === null || (url.protocol !== 'https:' && !isLocal)) {
    throw new TypeError(
      'Cannot create https source: uri must be an https address, or http to this machine, received another one',
    )
  }
  url.hash = ''
  return { url, shown: `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}` }
}
