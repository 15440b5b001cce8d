import type { Readable } from 'node:stream'
import type { OutputStreams } from './command-output.ts'

/** What the program has of the process it runs in. */
export interface CommandWorld extends OutputStreams {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable
  /** Aborted when somebody wants the process to end. */
  readonly signal: AbortSignal
}
