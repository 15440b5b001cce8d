import { format } from 'prettier'
import type { BenchmarkResult } from './result.ts'
import { belongsTo, failuresOf, type Suite, type SuiteSection } from './suite.ts'

/** How the repository's own prettier.json formats prose. */
const proseWidth = 130

/** The document of all suites, from their results alone. */
export function renderDocument(
  suites: readonly { readonly suite: Suite; readonly results: readonly BenchmarkResult[] }[],
): Promise<string> {
  const parts = suites.flatMap(({ suite, results }) => [
    `## ${suite.heading}`,
    oneLine(suite.text),
    ...renderShortfalls(suite, results),
    ...suite.sections.flatMap((section) => renderSection(section, results)),
  ])
  const text = [
    '# Benchmarks',
    '<!-- Written by `pnpm bench`. Change packages/benchmarks/src or run it again, not this file. -->',
    oneLine(`Every figure comes from \`packages/benchmarks/results\`. \`pnpm bench\` measures all of it again and writes this
page; \`pnpm bench <suite> <scenario>\` measures one part. Counts are exact. Times are medians of pairs that took turns, and only
ratios are given: the milliseconds of one machine say nothing about another one.`),
    ...parts,
  ].join('\n\n')
  return format(text, { parser: 'markdown', printWidth: proseWidth, proseWrap: 'always' })
}

/** The table of one section: what the command prints too. */
export function renderTable(section: SuiteSection, results: readonly BenchmarkResult[]): string {
  return section.table(results.filter((result) => belongsTo(result, section.scenario)))
}

function renderSection(section: SuiteSection, results: readonly BenchmarkResult[]): string[] {
  return [`### ${section.heading}`, oneLine(section.text), renderTable(section, results)]
}

/** What we set ourselves and do not reach, before anything else. */
function renderShortfalls(suite: Suite, results: readonly BenchmarkResult[]): string[] {
  const failures = failuresOf(suite, results)
  if (failures.length === 0) return []
  return [
    'What ours was to reach and does not:',
    failures.map(({ failure }) => `- ${failure}`).join('\n'),
  ]
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}
