import { beforeAll, describe, expect, test } from 'vitest'
import { expectedFlagFaults } from './support/expected-flag-faults.ts'
import { type FlagFaultRow, runFlagFaults, toFaultLine } from './support/flag-faults.ts'

let rows: readonly FlagFaultRow[]
beforeAll(async () => {
  rows = await runFlagFaults()
})

const steps = (): { row: string; start: string; step: FlagFaultRow['steps'][number] }[] =>
  rows.flatMap((row) =>
    row.steps.map((step) => ({ row: `${row.fault} | ${row.start}`, start: row.start, step })),
  )

/** Of `v7`. What is not a version is none. */
function versionOf(value: string): number {
  return value.startsWith('v') ? Number(value.slice(1)) : 0
}

describe('while KV or the authority fails', () => {
  test('answers as the table says, with as many operations', () => {
    expect(rows.map(toFaultLine)).toEqual(expectedFlagFaults)
  })

  test('never answers with an error where there is something to answer from', () => {
    const failed = steps().filter(
      ({ start, step }) => step.reason === 'ERROR' && !start.startsWith('cold'),
    )
    expect(failed).toEqual([])
  })

  test('asks KV and the authority once at most in each request', () => {
    const greedy = steps().filter(({ step }) => step.reads > 1 || step.calls > 1)
    expect(greedy).toEqual([])
  })

  test('waits no longer than timeoutMs', () => {
    expect(Math.max(...steps().map(({ step }) => step.waitedMs))).toBe(2000)
  })

  test('goes back no version', () => {
    const back = rows.filter(({ steps: [first, later, after] }) => {
      const versions = [first, later, after].map((step) => versionOf(step?.value ?? ''))
      const known = versions.filter((version) => version > 0)
      return known.some((version, i) => version < (known[i - 1] ?? 0))
    })
    expect(back).toEqual([])
  })

  test('answers from the newest ruleset soon after, but for what KV said was the newest', () => {
    const late = rows
      .filter(({ steps: [, , after] }) => after?.value !== 'v7' || after.status !== 'ready')
      .map(({ fault, start }) => `${fault} | ${start}`)
    expect(late).toEqual([
      'KV gives an older version | cold',
      'KV gives an older version | cold, strict',
      'KV has none | cold',
      'KV has none | cold, strict',
      'KV has none | bootstrap',
    ])
  })
})
