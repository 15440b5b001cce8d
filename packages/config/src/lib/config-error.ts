import { CloudflareClientError } from '@codex/cloudflare-clients'
import type { ConfigOrigin } from './config-tree.ts'

export type ConfigErrorCode =
  /** A source, a body, a referenced value or a version is not there. */
  | 'not_found'
  /** The place refused the credentials. */
  | 'forbidden'
  /** It failed, or could not be reached. */
  | 'unavailable'
  | 'timed_out'
  | 'too_large'
  /** A text that cannot be parsed, or a published document that is not what its hash says. See `faults`. */
  | 'corrupt'
  /** References that cannot be resolved, or values that do not fit the schema. See `faults`. */
  | 'invalid'
  /** An older version than the one in use. */
  | 'outdated'
  /** Somebody else published meanwhile. */
  | 'conflict'

/** One thing that is wrong. It never holds a secret; a value only where the schema's own message has it and no secret is in it. */
export interface ConfigFault {
  /** `server.ports[2]`. Empty: the whole. */
  readonly path: string
  readonly reason: string
  readonly origin?: ConfigOrigin
}

interface ConfigErrorOptions {
  readonly code: ConfigErrorCode
  readonly operation: string
  readonly faults?: readonly ConfigFault[]
  readonly cause?: unknown
}

/** A configuration could not be loaded, validated or published. */
export class ConfigError extends CloudflareClientError {
  override readonly name = 'ConfigError'
  declare readonly code: ConfigErrorCode
  /** All that is wrong. Empty where no single place is. */
  declare readonly faults: readonly ConfigFault[]

  constructor(message: string, { faults = [], ...options }: ConfigErrorOptions) {
    const { code } = options
    const retryable = code === 'unavailable' || code === 'timed_out' || code === 'conflict'
    super(message, { ...options, retryable })
    Object.assign(this, { faults })
  }
}
