import type { ConfigFault } from '../lib/config-error.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'

interface CommandFailureOptions {
  /** For programs that read `--json`. */
  readonly code: string
  readonly exitCode: ExitCode
  readonly faults?: readonly ConfigFault[]
  /** A line more, such as what to do about it. */
  readonly hint?: string
}

/** A command that ends with a message and an exit code of its own. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly code: string
  readonly exitCode: ExitCode
  readonly faults: readonly ConfigFault[]
  readonly hint: string | undefined

  constructor(message: string, options: CommandFailureOptions) {
    super(message)
    this.code = options.code
    this.exitCode = options.exitCode
    this.faults = options.faults ?? []
    this.hint = options.hint
  }
}

/** The command line says something that cannot be. */
export function usageFailure(message: string, hint?: string): CommandFailure {
  return new CommandFailure(message, {
    code: 'usage',
    exitCode: exitCodes.usage,
    ...(hint !== undefined && { hint }),
  })
}

export function notFoundFailure(message: string): CommandFailure {
  return new CommandFailure(message, { code: 'not_found', exitCode: exitCodes.notFound })
}

/** Nothing was done, because something would have been lost. */
export function refusedFailure(message: string, hint?: string): CommandFailure {
  return new CommandFailure(message, {
    code: 'conflict',
    exitCode: exitCodes.refused,
    ...(hint !== undefined && { hint }),
  })
}

/** Somebody ended it, and `message` says what was done until then. */
export function interruptedFailure(message: string, hint?: string): CommandFailure {
  return new CommandFailure(message, {
    code: 'interrupted',
    exitCode: exitCodes.interrupted,
    ...(hint !== undefined && { hint }),
  })
}
