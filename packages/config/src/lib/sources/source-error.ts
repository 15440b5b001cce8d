import { CloudflareClientError } from '@codex/cloudflare-clients'
import { ConfigError, type ConfigErrorCode } from '../config-error.ts'

/** A source did not give its text. */
export function createSourceError(
  uri: string,
  code: ConfigErrorCode,
  { reason, cause }: { readonly reason: string; readonly cause?: unknown },
): ConfigError {
  const faults = code === 'corrupt' ? [{ path: '', reason, origin: { uri } }] : []
  return new ConfigError(`Cannot load ${uri}: ${reason}`, {
    code,
    operation: 'load',
    faults,
    cause,
  })
}

export function notFound(uri: string): ConfigError {
  return createSourceError(uri, 'not_found', { reason: 'there is none' })
}

export function tooLarge(uri: string, maxBytes: number): ConfigError {
  const reason = `${maxBytes} bytes at most were wanted, received more`
  return createSourceError(uri, 'too_large', { reason })
}

/**
 * Of the clients for KV and R2. That a namespace or a bucket is missing is not `not_found`, which is what an optional source may be: a
 * wrong name would make an empty layer.
 */
const codesOfClients: Readonly<Record<string, readonly [ConfigErrorCode, string]>> = {
  unauthorized: ['forbidden', 'the credentials are not valid'],
  forbidden: ['forbidden', 'the credentials do not reach so far'],
  not_found: ['unavailable', 'there is no such account or namespace'],
  no_such_bucket: ['unavailable', 'there is no such bucket'],
  ambiguous_title: ['unavailable', 'several namespaces have the title'],
  timed_out: ['timed_out', 'no answer came in time'],
  too_large: ['too_large', 'it is larger than the store hands out'],
}

/** What a source rejects with, whatever failed. An abort that is no timeout is passed on as it is. */
export function toSourceError(uri: string, error: unknown, signal: AbortSignal): unknown {
  if (error instanceof ConfigError) return error
  if (signal.aborted) return toAbortError(uri, signal)
  if (error instanceof CloudflareClientError) {
    const [code, reason] = codesOfClients[error.code] ?? [
      'unavailable' as const,
      `the store failed (${error.code.replaceAll('_', ' ')})`,
    ]
    return createSourceError(uri, code, { reason, cause: error })
  }
  // A binding's errors carry no status, only a text such as `KV GET failed: 413 …`.
  const isTooLarge = error instanceof Error && error.message.includes('failed: 413')
  const code = isTooLarge ? 'too_large' : 'unavailable'
  const reason = isTooLarge ? 'it is larger than the store hands out' : 'the store failed'
  return createSourceError(uri, code, { reason, cause: error })
}

function toAbortError(uri: string, { reason }: AbortSignal): unknown {
  const isTimeout = reason instanceof Error && reason.name === 'TimeoutError'
  if (!isTimeout) return reason
  return createSourceError(uri, 'timed_out', { reason: 'no answer came in time' })
}
