const maxTextLength = 300

export interface LogEntry {
  readonly level: 'info' | 'warn' | 'error'
  readonly event: string
  readonly [field: string]: unknown
}

/** Writes one line of JSON, at the console's level of the same name. */
export function logLine({ level, ...fields }: LogEntry): void {
  console[level](JSON.stringify(fields))
}

/**
 * An error as one bounded line: its message and its causes', without the stack. Of a failed query only its cause is
 * told: drizzle's message for it quotes the parameters, which are people's data.
 */
export function describeError(error: unknown): string {
  const messages: string[] = []
  let current = error
  while (current instanceof Error && messages.length < 3) {
    messages.push('params' in current ? 'Failed query' : current.message)
    current = current.cause
  }
  return (messages.length > 0 ? messages.join(' < ') : String(error)).slice(0, maxTextLength)
}

/** A value of unknown shape as at most 300 characters of JSON. */
export function excerpt(value: unknown): string {
  try {
    // The declared type leaves out that `undefined` has no JSON.
    const json = JSON.stringify(value) as string | undefined
    return (json ?? String(value)).slice(0, maxTextLength)
  } catch {
    return `[${typeof value} that is no JSON]`
  }
}
