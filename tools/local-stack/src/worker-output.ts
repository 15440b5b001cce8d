import { parseLogEvent } from './stack-log.ts'

const startOfProblem = /^(?:✘|▲|\[ERROR\]|Uncaught|Error:)/
const startOfWorkerLine = /^\[codex-[a-z-]+\]/
/** What esbuild thinks of bundled code, as in `[duplicate-object-key]`: lint and types have judged the sources. */
const bundleWarning = /^▲ \[WARNING\] .*\[[a-z-]+\]$/
/** Wrangler's advice at every start, about nothing that is wrong. */
const advice = '▲ [WARNING] Scheduled Workers are not automatically triggered'

/**
 * Tells the lines a person wants to see while developing from the rest: errors and warnings with their stack traces, and
 * what the workers print themselves. Requests, binding tables and operation counts stay out.
 *
 * @returns A function that is given every line in order, and says whether to show it.
 */
export function createWorkerOutputFilter(): (line: string) => boolean {
  let inShownMessage = false
  return (line) => {
    const continues = /^\s/.test(line)
    if (!continues) {
      inShownMessage =
        (startOfProblem.test(line) || startOfWorkerLine.test(line)) &&
        parseLogEvent(line)?.event !== 'operations' &&
        !bundleWarning.test(line) &&
        !line.startsWith(advice)
    }
    return inShownMessage
  }
}
