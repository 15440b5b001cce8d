type LogLevel = 'info' | 'warn' | 'error'

export type Log = (
  level: LogLevel,
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void

/** One line of JSON for each event. Nothing that is secret is given to it, and a `Secret` would print as `[secret]`. */
export function createJsonLog(write: (line: string) => void, now: () => number = Date.now): Log {
  return (level, event, fields = {}) => {
    const time = new Date(now()).toISOString()
    write(`${JSON.stringify({ time, level, event, ...fields })}\n`)
  }
}
