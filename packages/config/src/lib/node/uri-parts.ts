/** What a `kv://` or an `s3://` URI consists of, each part decoded once. */
export interface UriParts {
  /** What comes first: an alias, an account, a bucket. */
  readonly authority: string
  /** The segments after it, at least one. */
  readonly segments: readonly string[]
  /** Whether the last one ends in a `*` that is not encoded, which is taken off it. */
  readonly isPrefix: boolean
}

/**
 * Takes a URI apart without `URL`, which would resolve `..` and change letters.
 *
 * @throws {TypeError} When it is malformed, or has credentials. It never holds the URI.
 */
export function parseUriParts(scheme: 'kv' | 's3', uri: string): UriParts {
  const refuse = (wanted: string): TypeError =>
    new TypeError(`Cannot resolve ${scheme} URI: it must ${wanted}, received another one`)
  const rest = uri.slice(`${scheme}://`.length)
  const slash = rest.indexOf('/')
  if (!uri.startsWith(`${scheme}://`) || slash < 1) {
    throw refuse(`begin with ${scheme}://, a name and a slash`)
  }
  if (rest.slice(0, slash).includes('@')) {
    throw refuse('be without credentials, which come from the environment or a profile')
  }
  if (/[?#]/.test(rest)) throw refuse('have ? and # encoded as %3F and %23')
  const isPrefix = rest.endsWith('*')
  const [authority = '', ...segments] = (isPrefix ? rest.slice(0, -1) : rest)
    .split('/')
    .map((part) => {
      try {
        return decodeURIComponent(part)
      } catch {
        throw refuse('be percent-encoded UTF-8')
      }
    })
  const isDots = segments.some((segment) =>
    segment.split('/').some((part) => part === '.' || part === '..'),
  )
  if (isDots) throw refuse('not have "." or ".." between slashes')
  return { authority, segments, isPrefix }
}
