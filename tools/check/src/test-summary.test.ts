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
    failedPackages: ['@codex/auth'],
    unfinished: [],
  })
  expect(formatSummary(summary)).toBe('tests: 41 passed, 1 failed')
})

it('sees through colours', () => {
  const coloured =
    '@codex/web:test: \u001B[2m      Tests \u001B[22m \u001B[32m3 passed\u001B[39m (3)'
  expect(summarizeTests(coloured).passed).toBe(3)
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
    failedPackages: [],
    unfinished: [],
  })
})
