import { CloudflareClientError } from '@codex/cloudflare-clients'
import { ConfigError, type ConfigFault } from '../lib/config-error.ts'
import type { ConfigOrigin } from '../lib/config-tree.ts'
import { CommandFailure } from './command-failure.ts'
import { type ExitCode, exitCodeOfError, exitCodeOfSystemError, exitCodes } from './exit-codes.ts'
import { visibleText } from './visible-text.ts'

/** Why a command ended without what was wanted of it. */
export interface DescribedFailure {
  readonly code: string
  readonly message: string
  readonly exitCode: ExitCode
  readonly faults: readonly ConfigFault[]
  readonly hint?: string
}

/** What is known of an error, of those that a command can meet. */
export function describeFailure(error: unknown): DescribedFailure {
  if (error instanceof CommandFailure) {
    const { code, message, exitCode, faults, hint } = error
    return { code, message, exitCode, faults, ...(hint !== undefined && { hint }) }
  }
  if (error instanceof CloudflareClientError) {
    const faults = error instanceof ConfigError ? error.faults : []
    const { code } = error
    const message = `${withoutFaults(error.message, faults)}${describeCause(error)}`
    return { code, message, exitCode: exitCodeOfError(code), faults }
  }
  if (!(error instanceof Error)) {
    return { code: 'fault', message: 'Unexpected fault', exitCode: exitCodes.fault, faults: [] }
  }
  const { message } = error
  // What the library says of an option, and the engine never does: "Cannot <do>: <what was wanted>".
  const isMistake =
    (error instanceof TypeError || error instanceof RangeError) && /^Cannot [^:]+: /.test(message)
  if (isMistake) return { code: 'usage', message, exitCode: exitCodes.usage, faults: [] }
  if ('syscall' in error && 'code' in error && typeof error.code === 'string') {
    return { code: error.code, message, exitCode: exitCodeOfSystemError(error.code), faults: [] }
  }
  return {
    code: 'fault',
    message: `Unexpected fault: ${message}`,
    exitCode: exitCodes.fault,
    faults: [],
  }
}

/** The faults are told apart from the message, with their columns too. */
function withoutFaults(message: string, faults: readonly ConfigFault[]): string {
  const [first = '', ...lines] = message.split('\n')
  if (lines.length === 0 || lines.length !== faults.length) return message
  return first.replace(/:$/, `: ${faults.length === 1 ? '1 fault' : `${faults.length} faults`}`)
}

/** Words of ours, or of a socket. Those of a parser can hold a part of what it parsed. */
function describeCause(error: Error): string {
  const { cause } = error
  if (!(cause instanceof Error) || error.message.includes(cause.message)) return ''
  const isSafe = cause instanceof CloudflareClientError || ('syscall' in cause && 'code' in cause)
  return isSafe ? ` (${cause.message})${describeCause(cause)}` : ''
}

/** `config/base.yaml:3:9`, as editors and terminals make a link of. */
export function formatOrigin({ uri, line, column, version }: ConfigOrigin): string {
  const place = [uri, line, line === undefined ? undefined : column]
    .filter((part) => part !== undefined)
    .join(':')
  return version === undefined ? place : `${place}, version ${version}`
}

export function formatFault({ path, reason, origin }: ConfigFault): string {
  const where = origin === undefined ? '' : ` (${formatOrigin(origin)})`
  return visibleText(`${path === '' ? '(root)' : path}: ${reason}${where}`)
}

/** The lines for a person. */
export function formatFailure({ message, faults, hint }: DescribedFailure): string[] {
  const [only] = faults
  // The message says it, and there is no more to say of its place.
  const isSaid =
    faults.length === 1 &&
    only !== undefined &&
    only.origin?.column === undefined &&
    message.includes(only.reason)
  return [
    ...message.split('\n').map(visibleText),
    ...(isSaid ? [] : faults.map((fault) => `  ${formatFault(fault)}`)),
    ...(hint === undefined ? [] : [hint]),
  ]
}
