import { addOperations, noOperations } from '../story/operations.ts'
import type { FinishedStep } from './demo-run.ts'

const headings = [
  'step',
  'KV reads',
  'writes',
  'deletes',
  'lists',
  'D1 queries',
  'DO requests',
  'took',
]

/** What each step cost and all of them together, as lines of aligned columns. */
export function formatCostTable(steps: readonly FinishedStep[]): string[] {
  const total: FinishedStep = {
    title: 'total',
    operations: steps.map((step) => step.operations).reduce(addOperations, noOperations),
    tookMs: steps.reduce((sum, step) => sum + step.tookMs, 0),
  }
  const rows = [...steps, total].map(({ title, operations, tookMs }) => [
    title,
    ...[
      operations.kvReads,
      operations.kvWrites,
      operations.kvDeletes,
      operations.kvLists,
      operations.d1Queries,
      operations.doRequests,
    ].map(String),
    `${(tookMs / 1000).toFixed(1)} s`,
  ])
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const lines = [headings, ...rows].map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
  const rule = '─'.repeat(lines[0]?.length ?? 0)
  return [...lines.slice(0, 1), rule, ...lines.slice(1, -1), rule, ...lines.slice(-1)]
}
