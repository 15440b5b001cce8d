import { CloudflareClientError } from '../shared/client-error.ts'
import type { FlagFault } from './flag-authority-calls.ts'

export type FlagFailureCode =
  /** The flag has another version than `ifVersion`, or was changed by somebody else each time. */
  | 'conflict'
  /** The definition is wrong, see `faults`; or what was read is no ruleset that can be used. */
  | 'invalid'
  /** What was read is an older ruleset than the one that is known: a location of KV that is behind, most often. */
  | 'outdated'
  /** KV or the authority failed. What was asked of it may have been done. */
  | 'unavailable'
  /** The authority has too much to do. To try again at once makes it worse. */
  | 'overloaded'
  /** KV or the authority did not answer in time. What was asked of it may have been done. */
  | 'no_answer'
  /** Only an authority can do this, and there is none. */
  | 'no_authority'

interface FlagErrorOptions {
  readonly code: FlagFailureCode
  readonly operation: string
  readonly cause?: unknown
  readonly faults?: readonly FlagFault[]
}

/** Flags could not be read, confirmed or written. The `cause` is what the binding threw. */
export class FlagError extends CloudflareClientError {
  override readonly name = 'FlagError'
  declare readonly code: FlagFailureCode
  /** What is wrong with a definition, where the code is `invalid`. Otherwise absent. */
  declare readonly faults?: readonly FlagFault[]

  constructor(message: string, options: FlagErrorOptions) {
    const { code } = options
    super(message, { ...options, retryable: /^(unavailable|no_answer|outdated)$/.test(code) })
  }
}

/** @returns What a store threw, as an error whose message holds nothing that was stored. */
export function toFlagError(operation: string, cause: unknown): FlagError {
  if (cause instanceof FlagError) return cause
  const { overloaded } = Object(cause) as { readonly overloaded?: unknown }
  return toUnavailable(operation, overloaded === true ? 'overloaded' : 'unavailable', cause)
}

export function toUnavailable(
  operation: string,
  code: FlagFailureCode,
  cause?: unknown,
): FlagError {
  return new FlagError(`Cannot ${operation} flags: ${code}`, { code, operation, cause })
}
