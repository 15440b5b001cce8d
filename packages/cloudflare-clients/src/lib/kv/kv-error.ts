import { CloudflareClientError } from '../shared/client-error.ts'

export type KVErrorCode =
  /** A second write to a key within a second (429). */
  | 'rate_limited'
  /** The account's free daily quota is used up. */
  | 'quota_exceeded'
  /** Value, metadata or bulk read over its limit (413). */
  | 'too_large'
  /** KV refused the call as malformed (400, 414). */
  | 'invalid_request'
  /** A stored value is not what it should be. */
  | 'corrupt_value'
  /** KV did not serve the call. */
  | 'unavailable'
  /** KV was not asked, because it failed too often just before. */
  | 'circuit_open'

export type KVOperationName = 'read' | 'write' | 'delete' | 'list'

/** KV failed. The `cause` is what the binding threw. */
export class KVError extends CloudflareClientError {
  override readonly name = 'KVError'
  declare readonly code: KVErrorCode
  declare readonly operation: KVOperationName
}

const codesByStatus: Readonly<Record<string, KVErrorCode>> = {
  '400': 'invalid_request',
  '413': 'too_large',
  '414': 'invalid_request',
  '429': 'rate_limited',
}

/** The binding's errors carry no status property, only a text such as `KV PUT failed: 429 Too Many Requests`. */
function classify(message: string): KVErrorCode {
  if (message.includes('limit exceeded for the day')) return 'quota_exceeded'
  const [, status = ''] = /failed: (\d{3})\b/.exec(message) ?? []
  return codesByStatus[status] ?? 'unavailable'
}

/** Wraps what a KV binding threw. The binding's own text stays in `cause`. */
export function toKVError(operation: KVOperationName, cause: unknown): KVError {
  if (cause instanceof KVError) return cause
  const code = classify(String(cause))
  return new KVError(`Cannot ${operation} in KV: ${code.replace('_', ' ')}`, {
    code,
    operation,
    retryable: code === 'rate_limited' || code === 'unavailable',
    cause,
  })
}

/** Runs one call of a binding and turns what it throws into a {@link KVError}. */
export async function kvCall<T>(operation: KVOperationName, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw toKVError(operation, error)
  }
}
