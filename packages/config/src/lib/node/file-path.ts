import { fileURLToPath } from 'node:url'

export interface FilePath {
  readonly path: string
  /** `file:config/base.yaml`. */
  readonly uri: string
}

/**
 * The path that a `file:` URI or a plain path is. `file:config/base.yaml` is relative, `file:/etc/app.yaml` and `file:///etc/app.yaml` are not.
 *
 * @throws {TypeError} When it is none of this machine.
 */
export function toFilePath(path: string): FilePath {
  const isUri = /^file:/i.test(path)
  const plain = isUri ? fromUri(path) : path
  if (plain === '' || plain.includes('\0')) {
    throw new TypeError('Cannot create file source: path must not be empty or have a NUL in it')
  }
  return { path: plain, uri: `file:${plain}` }
}

function fromUri(uri: string): string {
  const rest = uri.slice('file:'.length)
  if (/[?#]/.test(rest)) {
    throw new TypeError('Cannot create file source: ? and # must be encoded as %3F and %23')
  }
  try {
    return rest.startsWith('/') ? fileURLToPath(`file:${rest}`) : decodeURIComponent(rest)
  } catch {
    throw new TypeError(
      'Cannot create file source: uri must be percent-encoded and of this machine, received another one',
    )
  }
}
