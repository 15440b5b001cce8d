import { expect, it } from 'vitest'
import { formatSummary, summarizeTests } from './test-summary.ts'

const output = `
@codex/auth:test:  RUN  v5.1.1 /somewhere/packages/auth
@codex/auth:test:  Test Files  1 failed | 2 passed (3)
@codex/auth:test:       Tests  1 failed | 11 passed | 2 skipped (14)
@codex/web:test:  RUN  v5.1.1 /somewhere/apps/web
@codex/web:test:       Tests  30 passed (30)
@codex/web:build:       Tests  99 passed (99)
`

it('adds up the tests of all packages', () => {
  const summary = summarizeTests(output)
  expect(summary).toEqual({
    passed: 41,
    failed: 1,
    skipped: 2,
    failedTests: [],
    failures: [],
    unfinished: [],
  })
  expect(formatSummary(summary)).toBe('tests: 41 passed, 1 failed')
})

it('sees through colours', () => {
  const coloured =
    '@codex/web:test: \u001B[2m      Tests \u001B[22m \u001B[32m3 passed\u001B[39m (3)'
  expect(summarizeTests(coloured).passed).toBe(3)
})

it('tells again what failed, each test by its name', () => {
  const told = `@codex/auth:test: ⎯⎯⎯⎯⎯⎯ Failed Suites 1 ⎯⎯⎯⎯⎯⎯⎯
@codex/auth:test:  FAIL  src/sign.test.ts [ src/sign.test.ts ]
@codex/auth:test: Error: Cannot find module './sign.ts'
@codex/auth:test: ⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯
@codex/auth:test:  FAIL  |workerd| src/token.test.ts > a token > expires
@codex/auth:test: AssertionError: expected 1 to be 2
@codex/auth:test: ⎯⎯⎯⎯⎯⎯ Unhandled Errors ⎯⎯⎯⎯⎯⎯
@codex/auth:test: Error: never awaited`
  const coverage =
    '@codex/web:test: ERROR: Coverage for lines (89.9%) does not meet global threshold (90%)'
  const summary = summarizeTests(`@codex/auth:test:  RUN  v5.1.1 /somewhere/packages/auth
@codex/auth:test:  ✓ src/other.test.ts (3 tests) 6ms
${told}
@codex/auth:test:  Test Files  2 failed | 1 passed (3)
@codex/auth:test:       Tests  1 failed | 3 passed (4)
@codex/web:test:  RUN  v5.1.1 /somewhere/apps/web
${coverage}
@codex/web:test:       Tests  30 passed (30)`)
  expect(summary).toMatchObject({
    failed: 1,
    failedTests: [
      '@codex/auth: src/sign.test.ts [ src/sign.test.ts ]',
      '@codex/auth: |workerd| src/token.test.ts > a token > expires',
    ],
    failures: [...told.split('\n'), coverage],
  })
})

it('names a package whose tests started and never told how they ended', () => {
  const cut = `${output}\n@codex/e2e:test:  RUN  v5.1.1 /somewhere/e2e\n@codex/e2e:test: Killed`
  expect(summarizeTests(cut).unfinished).toEqual(['@codex/e2e'])
})

it('counts nothing where nothing ran', () => {
  expect(summarizeTests('')).toEqual({
    passed: 0,
    failed: 0,
    skipped: 0,
    failedTests: [],
    failures: [],
    unfinished: [],
  })
})
