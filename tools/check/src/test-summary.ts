import { stripVTControlCharacters } from 'node:util'

/** Tests over all packages of one run. */
export interface TestSummary {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Each failed test or file with its package, as in `@codex/auth: src/token.test.ts > a token > expires`. */
  readonly failedTests: readonly string[]
  /** What vitest says of failures, of all packages: what was expected, where it was thrown, coverage that was not reached. */
  readonly failures: readonly string[]
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
  const failedTests = new Set<string>()
  const failures: string[] = []
  /** The package whose failures are being told. */
  let telling: string | undefined
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const line of stripVTControlCharacters(turboOutput).split('\n')) {
    const match = /^(?<package>\S+):test: +(?<text>.*)$/.exec(line)
    if (match?.groups === undefined) continue
    const { package: name = '', text = '' } = match.groups
    if (/^RUN +v\d/.test(text)) started.add(name)
    if (/^⎯+ (Failed (Suites|Tests) \d+|Unhandled Errors?) ⎯+$/.test(text)) telling = name
    if (/^Test Files +\d/.test(text)) telling = undefined
    const failed = /^FAIL +(?<test>\S.*)$/.exec(text)?.groups?.test
    if (failed !== undefined) failedTests.add(`${name}: ${failed}`)
    if (telling === name || text.startsWith('ERROR: ')) failures.push(line)
    if (text.startsWith('No test files found')) finished.add(name)
    const tests = /^Tests +(?<parts>\S.*)$/.exec(text)?.groups?.parts
    if (tests === undefined) continue
    finished.add(name)
    for (const part of tests.matchAll(/(\d+) (passed|failed|skipped|todo)/g)) {
      const count = Number(part[1])
      if (part[2] === 'passed') counts.passed += count
      else if (part[2] === 'failed') counts.failed += count
      else counts.skipped += count
    }
  }
  return {
    ...counts,
    failedTests: [...failedTests],
    failures,
    unfinished: [...started].filter((name) => !finished.has(name)),
  }
}

/** The closing line of a run, as in `tests: 12 passed, 0 failed`. */
export function formatSummary({ passed, failed }: TestSummary): string {
  return `tests: ${passed} passed, ${failed} failed`
}
