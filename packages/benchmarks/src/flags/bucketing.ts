import {
  type BucketingAlgorithm,
  murmur3Bucketing,
  sha256Bucketing,
} from '@codex/cloudflare-clients/feature-flags'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import {
  countFlagdMoves,
  countGrowthBookMoves,
  countOurMoves,
  type Moves,
} from './bucketing-moves.ts'
import { type ChiSquare, smallestP } from './chi-square.ts'
import { climbLadder, climbWholeLadder } from './percentage-ladder.ts'
import { createSampleIds } from './sample-ids.ts'
import { measureSpread } from './spread.ts'

const scenario = 'bucketing'
/** What is less likely by chance alone is not taken for chance. */
const leastP = 0.01

export interface BucketingSizes {
  readonly digests: number
  readonly climbers: number
  /** Those of them whose share is worked out on every step. */
  readonly wholeClimbers: number
  readonly spreadIds: number
  readonly spreadFlags: number
  readonly movers: number
}

const whole: BucketingSizes = {
  digests: 10_000,
  climbers: 100_000,
  wholeClimbers: 1000,
  spreadIds: 1_000_000,
  spreadFlags: 20,
  movers: 100_000,
}

const parts = {
  digests: 'other than by WebCrypto',
  climb: 'in, and out at a higher percentage (0 to 100 % by 0.01 %)',
  wholeClimb: 'the same, hashed on every step',
  coarse: 'even over 100',
  fine: 'even over 10,000',
  pairs: 'pairs of flags independent',
  renamed: 'moved by a rename',
  upgraded: 'moved by a new algorithm',
} as const

const ours = 'codex'
const flagd = "flagd's murmur3"
const growthBook = 'GrowthBook'

const metrics = { count: 'count', of: 'of', p: 'smallest p', corrected: 'as likely' } as const

/** Whether users are spread evenly, the same everywhere, and stay where they are. */
export const bucketing: SuiteScenario = {
  name: scenario,
  run: () => measureBucketing(whole),
  failures: (results: readonly BenchmarkResult[]) => {
    const check = (
      part: keyof typeof parts,
      metric: keyof typeof metrics,
      isKept: (found: number) => boolean,
    ): readonly string[] => {
      const at = { library: ours, scenario: nameOf(part), metric: metrics[metric] }
      const found = cellOf(results, at)
      return typeof found === 'number' && isKept(found)
        ? []
        : [`${at.scenario}: ${at.metric}: ${String(found)} found`]
    }
    return [
      ...(['digests', 'climb', 'wholeClimb', 'renamed', 'upgraded'] as const).flatMap((part) =>
        check(part, 'count', (found) => found === 0),
      ),
      ...(['coarse', 'fine', 'pairs'] as const).flatMap((part) =>
        check(part, 'corrected', (found) => found >= leastP),
      ),
    ]
  },
}

export async function measureBucketing(sizes: BucketingSizes): Promise<readonly BenchmarkResult[]> {
  const rows: BenchmarkResult[] = []
  const add = (
    part: keyof typeof parts,
    library: string,
    cells: Readonly<Record<string, number>>,
  ): void => {
    const results = new ScenarioResults('flags', nameOf(part))
    for (const [metric, value] of Object.entries(cells)) results.add(library, metric, { value })
    rows.push(...results.all)
  }
  const addTests = (
    part: keyof typeof parts,
    library: string,
    tests: readonly ChiSquare[],
  ): void => {
    const { p, corrected } = smallestP(tests)
    add(part, library, {
      [metrics.p]: round(p),
      [metrics.of]: tests.length,
      [metrics.corrected]: round(corrected),
    })
  }
  const ids = createSampleIds(
    Math.max(sizes.spreadIds, sizes.climbers, sizes.digests, sizes.movers),
  )
  const digests = ids.slice(0, sizes.digests)
  add('digests', ours, {
    [metrics.count]: await countOtherThanWebCrypto(digests),
    [metrics.of]: digests.length,
  })
  const climb = climbLadder(ids.slice(0, sizes.climbers))
  add('climb', ours, { [metrics.count]: climb.violations, [metrics.of]: climb.evaluations })
  const wholeClimb = climbWholeLadder(ids.slice(0, sizes.wholeClimbers))
  add('wholeClimb', ours, {
    [metrics.count]: wholeClimb.violations,
    [metrics.of]: wholeClimb.evaluations,
  })
  const spread = { ids: ids.slice(0, sizes.spreadIds), flags: sizes.spreadFlags }
  for (const [library, algorithm] of Object.entries(algorithms)) {
    const { coarse, fine, pairs } = measureSpread(algorithm, spread)
    addTests('coarse', library, coarse)
    addTests('fine', library, fine)
    addTests('pairs', library, pairs)
  }
  const movers = ids.slice(0, sizes.movers)
  const addMoves = (library: string, { renamed, upgraded }: Moves): void => {
    const of = { [metrics.of]: movers.length }
    add('renamed', library, { [metrics.count]: renamed, ...of })
    if (upgraded !== null) add('upgraded', library, { [metrics.count]: upgraded, ...of })
  }
  addMoves(ours, await countOurMoves(movers))
  addMoves(flagd, countFlagdMoves(movers))
  addMoves(growthBook, countGrowthBookMoves(movers))
  return inOrder(rows)
}

/** A cell of the table. */
export function bucketingCell(cells: ReadonlyMap<string, number | string>): string {
  const at = (metric: keyof typeof metrics): string => {
    const value = cells.get(metrics[metric])
    return typeof value === 'number' ? value.toLocaleString('en-US') : ''
  }
  if (cells.has(metrics.count)) return `${at('count')} of ${at('of')}`
  return cells.has(metrics.p) ? `${at('p')} of ${at('of')}: ${at('corrected')}` : ''
}

const algorithms: Readonly<Record<string, BucketingAlgorithm>> = {
  [ours]: sha256Bucketing,
  [flagd]: murmur3Bucketing,
}

function nameOf(part: keyof typeof parts): string {
  return `${scenario}: ${parts[part]}`
}

/** Part by part, as the table has them. */
function inOrder(rows: readonly BenchmarkResult[]): readonly BenchmarkResult[] {
  return Object.keys(parts).flatMap((part) =>
    rows.filter((row) => row.scenario === nameOf(part as keyof typeof parts)),
  )
}

function round(p: number): number {
  return Number(p.toPrecision(2))
}

/** How many shares are not what the platform's own SHA-256 gives. */
async function countOtherThanWebCrypto(ids: readonly string[]): Promise<number> {
  const flag = 'new-checkout'
  let others = 0
  for (const id of ids) {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${id}:${flag}`))
    const first = new DataView(digest).getUint32(0)
    const bucket = (first % 100) * 100 + (Math.floor(first / 100) % 100)
    if (sha256Bucketing.toShare(id, flag) !== bucket / 10_000) others++
  }
  return others
}
