import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { format } from 'prettier'
import { renderDocument } from './document.ts'
import type { BenchmarkResult } from './result.ts'
import type { Suite } from './suite.ts'

export const documentFile = join(import.meta.dirname, '../../../docs/benchmarks.md')

export function readResults(suite: string): readonly BenchmarkResult[] {
  const file = resultFile(suite)
  if (!existsSync(file)) return []
  return JSON.parse(readFileSync(file, 'utf8')) as readonly BenchmarkResult[]
}

/** One row on a line, so that a change of a figure is a change of a line. */
export async function writeResults(
  suite: string,
  results: readonly BenchmarkResult[],
): Promise<void> {
  const rows = results.map((result) => JSON.stringify(result)).join(',\n')
  const text = await format(`[\n${rows}\n]`, { parser: 'json', printWidth: 400 })
  mkdirSync(dirname(resultFile(suite)), { recursive: true })
  writeFileSync(resultFile(suite), text)
}

/** What the document has to be. */
export function renderStoredResults(suites: readonly Suite[]): Promise<string> {
  return renderDocument(suites.map((suite) => ({ suite, results: readResults(suite.name) })))
}

function resultFile(suite: string): string {
  return join(import.meta.dirname, `../results/${suite}.json`)
}
