import { stripVTControlCharacters } from 'node:util'

const maxKeptLines = 50_000

/** The output of the workers, line by line, with the oldest lines let go after 50,000. */
export class StackLog {
  readonly #lines: string[] = []
  #droppedLines = 0
  #incompleteLine = ''
  readonly #onLine: ((line: string) => void) | undefined

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine
  }

  /** A mark to hand to `since`: everything printed from now on comes after it. */
  get position(): number {
    return this.#droppedLines + this.#lines.length
  }

  append(chunk: string): void {
    const lines = (this.#incompleteLine + stripVTControlCharacters(chunk)).split('\n')
    this.#incompleteLine = lines.pop() ?? ''
    for (const line of lines) {
      const text = line.trimEnd()
      if (text === '') continue
      this.#lines.push(text)
      this.#onLine?.(text)
    }
    const excess = this.#lines.length - maxKeptLines
    if (excess > 0) {
      this.#lines.splice(0, excess)
      this.#droppedLines += excess
    }
  }

  since(position: number): readonly string[] {
    return this.#lines.slice(Math.max(0, position - this.#droppedLines))
  }

  /** The structured lines (`{"event": …}`) printed after a mark. Other lines are left out. */
  eventsSince(position: number): readonly LogEvent[] {
    return this.since(position).flatMap((line) => parseLogEvent(line) ?? [])
  }

  toString(): string {
    return this.#lines.join('\n')
  }
}

/** A line that a worker printed as JSON. */
export interface LogEvent {
  readonly event: string
  readonly [field: string]: unknown
}

/** Reads a structured log line. Returns `null` for any other line. */
export function parseLogEvent(line: string): LogEvent | null {
  const start = line.indexOf('{')
  if (start === -1) return null
  try {
    const value: unknown = JSON.parse(line.slice(start))
    return isLogEvent(value) ? value : null
  } catch {
    return null
  }
}

function isLogEvent(value: unknown): value is LogEvent {
  return (
    typeof value === 'object' &&
    value !== null &&
    'event' in value &&
    typeof value.event === 'string'
  )
}
