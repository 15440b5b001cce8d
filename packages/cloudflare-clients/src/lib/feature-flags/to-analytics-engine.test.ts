import { expect, test } from 'vitest'
import type { ReportedExposure } from './reported-exposure.ts'
import { type AnalyticsDataset, toAnalyticsEngine } from './to-analytics-engine.ts'

type Point = Parameters<AnalyticsDataset['writeDataPoint']>[0]

function createDataset(): { dataset: AnalyticsDataset; points: Point[] } {
  const points: Point[] = []
  const utf8 = (text: string): number => new TextEncoder().encode(text).length
  const writeDataPoint = (point: Point): void => {
    // What Analytics Engine takes.
    expect(point.indexes).toHaveLength(1)
    expect(utf8(point.indexes[0] ?? '')).toBeLessThanOrEqual(96)
    expect(point.blobs.length).toBeLessThanOrEqual(20)
    expect(utf8(point.blobs.join(''))).toBeLessThanOrEqual(16_000)
    expect(point.doubles.length).toBeLessThanOrEqual(20)
    points.push(point)
    expect(points.length).toBeLessThanOrEqual(250)
  }
  return { dataset: { writeDataPoint }, points }
}

const exposure: ReportedExposure = {
  flag: 'new-item-page',
  variant: 'on',
  user: 'u1',
  reason: 'TARGETING_MATCH',
  decision: 'rule',
  rule: 'beta',
  flagVersion: 3,
  rulesetVersion: 7,
  atMs: 1_800_000_000_000,
  sampleRate: 0.25,
}

test('writes a data point for each exposure, synchronously', () => {
  const { dataset, points } = createDataset()
  void toAnalyticsEngine(dataset)([exposure])
  expect(points).toEqual([
    {
      indexes: ['new-item-page'],
      blobs: ['new-item-page', 'on', 'u1', 'TARGETING_MATCH', 'rule', 'beta'],
      doubles: [4, 3, 7, 1_800_000_000_000],
    },
  ])
})

test('keeps columns in their places where there is nothing to write', () => {
  const { dataset, points } = createDataset()
  const { variant, user, decision, rule, ...rest } = exposure
  expect([variant, user, decision, rule]).not.toContain(undefined)
  void toAnalyticsEngine(dataset)([rest])
  expect(points[0]?.blobs).toEqual(['new-item-page', '', '', 'TARGETING_MATCH', '', ''])
})

test('keeps the index of a long name to 96 bytes, and apart from that of others', () => {
  const { dataset, points } = createDataset()
  const flags = ['é'.repeat(48), 'é'.repeat(49), `${'é'.repeat(48)}e`]
  void toAnalyticsEngine(dataset)(flags.map((flag) => ({ ...exposure, flag })))
  const indexes = points.map(({ indexes: [index] }) => index)
  expect(indexes[0]).toBe(flags[0])
  expect(new Set(indexes).size).toBe(3)
  expect(points.map(({ blobs: [flag] }) => flag)).toEqual(flags)
})

test('writes what fits into an invocation, and says how many did not', () => {
  const { dataset, points } = createDataset()
  const sink = toAnalyticsEngine(dataset)
  const tooLarge = { ...exposure, user: 'x'.repeat(16_000) }
  const exposures = Array.from({ length: 251 }, () => exposure)
  expect(() => sink([tooLarge, ...exposures])).toThrow(
    'Cannot write 2 of 252 exposures: Analytics Engine takes 250 at once, of at most 16000 bytes',
  )
  expect(points).toHaveLength(250)
})

test('refuses a missing binding', () => {
  // @ts-expect-error A binding that is not in the configuration.
  expect(() => toAnalyticsEngine(undefined)).toThrow(TypeError)
})
