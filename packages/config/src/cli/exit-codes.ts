/** What the process ends with, so that a script knows why without reading what was said. */
export const exitCodes = {
  ok: 0,
  /** The answer is no: what was compared differs, what was checked is invalid. */
  no: 1,
  /** The command line is not what the program takes. */
  usage: 2,
  notFound: 3,
  /** The place refused: credentials that do not reach so far, a conflict, something that would be overwritten. */
  refused: 4,
  /** The place failed or could not be reached. The same command may succeed later. */
  unavailable: 5,
  /** A fault of this program. */
  fault: 70,
  /** Ended by a signal before it was done: 128 and the number of SIGINT. */
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Of the errors of configurations, KV over HTTP and R2. */
const codesByError: Readonly<Record<string, ExitCode>> = {
  not_found: exitCodes.notFound,
  no_such_bucket: exitCodes.notFound,
  unauthorized: exitCodes.refused,
  forbidden: exitCodes.refused,
  conflict: exitCodes.refused,
  outdated: exitCodes.refused,
  rate_limited: exitCodes.unavailable,
  quota_exceeded: exitCodes.unavailable,
  unavailable: exitCodes.unavailable,
  timed_out: exitCodes.unavailable,
  corrupt: exitCodes.no,
  invalid: exitCodes.no,
  too_large: exitCodes.no,
  ambiguous_title: exitCodes.usage,
  invalid_request: exitCodes.usage,
  unsupported: exitCodes.usage,
}

/** Of Node's file system. */
const codesBySystemError: Readonly<Record<string, ExitCode>> = {
  ENOENT: exitCodes.notFound,
  EACCES: exitCodes.refused,
  EPERM: exitCodes.refused,
  EROFS: exitCodes.refused,
  EEXIST: exitCodes.refused,
  EISDIR: exitCodes.usage,
  ENOTDIR: exitCodes.usage,
  ENAMETOOLONG: exitCodes.usage,
}

export function exitCodeOfError(code: string): ExitCode {
  return codesByError[code] ?? exitCodes.fault
}

export function exitCodeOfSystemError(code: string): ExitCode {
  return codesBySystemError[code] ?? exitCodes.unavailable
}
