import { stripVTControlCharacters } from 'node:util'

/** Tests over all packages of one run. */
export interface TestSummary {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly failedPackages: readonly string[]
  /** Packages whose vitest started and never said how it ended. */
  readonly unfinished: readonly string[]
}

/**
 * Adds up vitest's closing lines in the output of `turbo run test`, in which each line starts with its package:
 * `@codex/auth:test:       Tests  1 failed | 11 passed (12)`.
 */
export function summarizeTests(turboOutput: string): TestSummary {
  const started = new Set<string>()
  const finished = new Set<string>()
  const failedPackages = new Set<string>()
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const line of stripVTControlCharacters(turboOutput).split('\n')) {
    const match = /^(?<package>\S+):test: +(?<text>.*)$/.exec(line)
    if (match?.groups === undefined) continue
    const { package: name = '', text = '' } = match.groups
    if (/^RUN +v\d/.test(text)) started.add(name)
    if (text.startsWith('No test files found')) finished.add(name)
    const tests = /^Tests +(?<parts>\S.*)$/.exec(text)?.groups?.parts
    if (tests === undefined) continue
    finished.add(name)
    for (const part of tests.matchAll(/(\d+) (passed|failed|skipped|todo)/g)) {
      const count = Number(part[1])
      if (part[2] === 'failed') failedPackages.add(name)
      if (part[2] === 'passed') counts.passed += count
      else if (part[2] === 'failed') counts.failed += count
      else counts.skipped += count
    }
  }
  return {
    ...counts,
    failedPackages: [...failedPackages],
    unfinished: [...started].filter((name) => !finished.has(name)),
  }
}

/** The closing line of a run, as in `tests: 12 passed, 0 failed`. */
export function formatSummary({ passed, failed }: TestSummary): string {
  return `tests: ${passed} passed, ${failed} failed`
}
