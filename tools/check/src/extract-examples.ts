/** A block of TypeScript in a document or a docstring. */
export interface Example {
  readonly code: string
  /** Line of the block's first line of code in its file, counted from 1. */
  readonly line: number
}

const openingFence = /^(?<indent>(?:\s*\*)?\s*)```ts(?<flags>(?: [\w-]+)*)\s*$/

/**
 * The ```` ```ts ```` blocks of a Markdown file, or of the docstrings of a source file. Blocks marked `ts no-check` are
 * left out: they show something that is not there yet, or is wrong on purpose.
 */
export function extractExamples(text: string): Example[] {
  const lines = text.split('\n')
  const examples: Example[] = []
  for (let index = 0; index < lines.length; index++) {
    const opening = openingFence.exec(lines[index] ?? '')?.groups
    if (opening === undefined) continue
    const firstLine = index + 1
    const code: string[] = []
    for (index++; index < lines.length; index++) {
      const line = lines[index] ?? ''
      if (/^(?:\s*\*)?\s*```\s*$/.test(line)) break
      code.push(withoutMargin(line, opening.indent ?? ''))
    }
    if (!(opening.flags ?? '').split(' ').includes('no-check')) {
      examples.push({ code: code.join('\n'), line: firstLine + 1 })
    }
  }
  return examples
}

/** Takes away what stood before the fence: spaces in a list, ` * ` in a docstring. */
function withoutMargin(line: string, margin: string): string {
  if (line.startsWith(margin)) return line.slice(margin.length)
  return line.trim() === '*' ? '' : line
}
