import { ConfigError } from '../config-error.ts'
import { createSourceError, notFound } from '../sources/source-error.ts'

function toCode(error: unknown): unknown {
  return (Object(error) as { readonly code?: unknown }).code
}

/** Nothing is there. */
export function isMissing(error: unknown): boolean {
  const code = toCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** What a source rejects with that the system refused. */
export function toFileError(uri: string, error: unknown): unknown {
  if (error instanceof ConfigError) return error
  const code = toCode(error)
  if (isMissing(error)) return notFound(uri)
  if (code === 'EACCES' || code === 'EPERM') {
    return createSourceError(uri, 'forbidden', { reason: `it may not be read (${code})` })
  }
  if (typeof code !== 'string') return error
  return createSourceError(uri, 'unavailable', {
    reason: `it cannot be read (${code})`,
    cause: error,
  })
}
