import type { Writable } from 'node:stream'
import { type DescribedFailure, formatFailure } from './describe-failure.ts'
import { visibleText } from './visible-text.ts'

export interface OutputStreams {
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable & { readonly isTTY?: boolean }
}

/** Data on stdout, in one of two forms; all else on stderr. */
export class CommandOutput {
  readonly isJson: boolean
  readonly #streams: OutputStreams

  constructor(streams: OutputStreams, { isJson }: { readonly isJson: boolean }) {
    this.#streams = streams
    this.isJson = isJson
  }

  /** The answer: `value` as a line of JSON where `--json` asks for it, else the text. */
  answer(value: unknown, text: string | readonly string[]): void {
    const lines = typeof text === 'string' ? [text] : text
    const shown = this.isJson ? [JSON.stringify(value)] : lines
    for (const line of shown) this.#streams.stdout.write(line.endsWith('\n') ? line : `${line}\n`)
  }

  /** Text that is the answer itself, as it is in both forms. */
  raw(text: string): void {
    this.#streams.stdout.write(text)
  }

  /** For the person who watches. */
  note(text: string): void {
    this.#streams.stderr.write(`${visibleText(text)}\n`)
  }

  fail(failure: DescribedFailure): void {
    if (this.isJson) {
      const { code, message, exitCode, faults, hint } = failure
      const error = { code, message, exitCode, faults, hint }
      this.#streams.stderr.write(`${JSON.stringify({ error })}\n`)
      return
    }
    const [first = '', ...more] = formatFailure(failure)
    for (const line of [`codex-config: ${first}`, ...more]) this.#streams.stderr.write(`${line}\n`)
  }

  /** Tells how far long work is. */
  progress(what: string, total?: number): Progress {
    return new Progress(this.#streams.stderr, { what, total })
  }
}

const numbers = new Intl.NumberFormat('en-GB')

/** `12,000` */
export function formatNumber(value: number): string {
  return numbers.format(value)
}

/** `1 entry`, `2 entries` */
export function count(amount: number, one: string, many: string): string {
  return `${formatNumber(amount)} ${amount === 1 ? one : many}`
}

/** On a terminal one line that changes; elsewhere a line for each tenth, or each time that the number has doubled from 1,000 on. */
class Progress {
  readonly #stream: OutputStreams['stderr']
  readonly #what: string
  readonly #total: number | undefined
  #next = 0
  #isLineOpen = false

  constructor(
    stream: OutputStreams['stderr'],
    { what, total }: { readonly what: string; readonly total: number | undefined },
  ) {
    this.#stream = stream
    this.#what = what
    this.#total = total
    this.#next = total === undefined ? 1_000 : Math.max(total / 10, 1_000)
  }

  at(done: number): void {
    const total = this.#total
    const of = total === undefined ? '' : ` of ${formatNumber(total)}`
    const text = `${this.#what}: ${formatNumber(done)}${of}`
    if (this.#stream.isTTY === true) {
      this.#stream.write(`\r${text}\u001b[K`)
      this.#isLineOpen = true
      return
    }
    if (done < this.#next) return
    const step = total === undefined ? this.#next : Math.max(total / 10, 1_000)
    while (this.#next <= done) this.#next += step
    this.#stream.write(`${text}\n`)
  }

  /** Leaves the line to what is said next. */
  end(): void {
    if (this.#isLineOpen) this.#stream.write('\r\u001b[K')
    this.#isLineOpen = false
  }
}

export type { Progress }
