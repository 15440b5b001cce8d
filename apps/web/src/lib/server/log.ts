/** Fields of a log line. Never a token, a session id, an e-mail address or a form's values. */
export type LogFields = Readonly<Record<string, unknown>>

export type LogLevel = 'info' | 'warn' | 'error'

/** Writes one line of JSON, which Workers Logs indexes by field. */
export function log(level: LogLevel, event: string, fields: LogFields = {}): void {
  console[level](JSON.stringify({ level, event, ...fields }))
}

/**
 * What of an error may be logged. A failed query carries its parameters in its message (a session token, an e-mail
 * address), so only the statement is kept; of a stack only its frames, because its head repeats the message.
 */
export function describeError(error: unknown, depth = 0): LogFields {
  if (!(error instanceof Error)) return { name: typeof error }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    name: error.name,
    message:
      'params' in error && 'query' in error
        ? `Failed query: ${String(error.query)}`
        : error.message,
    ...(depth === 0 && { stack: frames.slice(0, 8).map((line) => line.trim()) }),
    ...(error.cause !== undefined && depth < 3 && { cause: describeError(error.cause, depth + 1) }),
  }
}
