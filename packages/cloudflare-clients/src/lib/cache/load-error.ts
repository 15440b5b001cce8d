import { CloudflareClientError } from '../shared/client-error.ts'

/** A load that took its hard timeout, or a value that does not fit its schema or cannot be read. */
export class CacheLoadError extends CloudflareClientError {
  override readonly name = 'CacheLoadError'
  declare readonly code: 'load_timeout' | 'invalid_value'

  constructor(message: string, code: CacheLoadError['code']) {
    super(message, { code, operation: 'load', retryable: code === 'load_timeout' })
  }
}
