import { createSeededRandom } from '@codex/cloudflare-clients/testing'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import {
  allContestants,
  ourContestants,
  ours,
  type SessionContestant,
} from './all-session-systems.ts'
import {
  onStage,
  priceOfUsage,
  type SessionStage,
  type StageBrowser,
  stageLocations,
  type StageUsage,
  usedSince,
} from './session-stage.ts'

const scenario = 'operations'
const users = 4
const devices = 25
const pagesPerDevice = 10
const isolatesPerLocation = 4
const forgedRequests = 1000

const metrics = {
  reads: 'KV reads',
  writes: 'KV writes',
  authority: 'authority calls',
  queries: 'database queries',
  dollars: 'cost of a million views ($)',
  coldReads: 'cold view: KV reads',
  coldWrites: 'cold view: KV writes',
  coldCalls: 'cold view: authority calls',
  warm: 'warm view: operations',
  forged: '1,000 forged: operations',
} as const

/** What page views of signed-in users cost, and requests with cookies that nobody issued. */
export const operations: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('sessions', scenario)
    for (const contestant of allContestants) {
      const { id } = contestant
      const views = users * devices * pagesPerDevice
      const browsing = await measure(contestant, browse)
      const perThousand = (count: number): number => Math.round((count / views) * 1000)
      results.add(id, metrics.reads, { value: perThousand(browsing.kvReads) })
      results.add(id, metrics.writes, { value: perThousand(browsing.kvWrites) })
      results.add(id, metrics.authority, { value: perThousand(browsing.authorityCalls) })
      results.add(id, metrics.queries, { value: perThousand(browsing.queries) })
      const dollars = (priceOfUsage(browsing) / views) * 1_000_000
      results.add(id, metrics.dollars, { value: Number(dollars.toFixed(2)) })
      const cold = await measure(contestant, viewCold)
      results.add(id, metrics.coldReads, { value: cold.kvReads })
      results.add(id, metrics.coldWrites, { value: cold.kvWrites })
      results.add(id, metrics.coldCalls, { value: cold.authorityCalls })
      results.add(id, metrics.warm, { value: sumOf(await measure(contestant, viewWarm)) })
      results.add(id, metrics.forged, { value: sumOf(await measure(contestant, sendForged)) })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) => {
    const atMost = (
      { id }: SessionContestant,
      metric: keyof typeof metrics,
      most: number,
    ): readonly string[] => {
      const found = cellOf(results, { library: id, scenario, metric: metrics[metric] })
      return typeof found === 'number' && found <= most
        ? []
        : [`operations: ${id}: ${metrics[metric]}: at most ${most} wanted, ${String(found)} found`]
    }
    return [
      ...ourContestants.flatMap((contestant) => [
        ...atMost(contestant, 'coldReads', 1),
        ...atMost(contestant, 'coldWrites', 0),
        ...atMost(contestant, 'forged', 0),
      ]),
      ...[ours.bounded, ours.edge].flatMap((contestant) => atMost(contestant, 'warm', 0)),
    ]
  },
}

type Freshness = SessionContestant['freshness']

/** @returns What the work used after it said that it is ready. */
function measure(
  { create, freshness }: SessionContestant,
  work: (
    stage: SessionStage,
    options: { readonly freshness: Freshness; readonly ready: () => void },
  ) => Promise<void>,
): Promise<StageUsage> {
  const counts = { rowsWritten: 0, queries: 0 }
  return onStage(create(counts), { seed: 'operations', counts }, async (stage) => {
    let before = stage.usage
    const ready = (): void => {
      before = stage.usage
    }
    await work(stage, { freshness, ready })
    return usedSince(stage.usage, before)
  })
}

/** Everybody reads ten pages, 20 seconds apart, at whatever isolate of their location. */
async function browse(
  stage: SessionStage,
  { freshness, ready }: { readonly freshness: Freshness; readonly ready: () => void },
): Promise<void> {
  const random = createSeededRandom('browse')
  const all: { readonly browser: StageBrowser; readonly location: string }[] = []
  for (let device = 0; device < users * devices; device++) {
    const location = stageLocations[device % stageLocations.length] ?? ''
    all.push({ browser: await stage.signIn(`user-${device % users}`, location), location })
    // KV takes one write of a key in a second: the lists of those who write one.
    await stage.clock.sleep(3000)
  }
  await stage.clock.sleep(600_000)
  ready()
  for (let page = 0; page < pagesPerDevice; page++) {
    for (const { browser, location } of all) {
      const isolate = stage.isolateAt(location, Math.floor(random() * isolatesPerLocation))
      await browser.view(isolate, freshness)
    }
    await stage.clock.sleep(20_000)
  }
}

/** Somebody whose session is in KV for long, and an isolate in another location. */
async function signInFarAway(stage: SessionStage) {
  const browser = await stage.signIn('user-1', 'AMS')
  await stage.clock.sleep(600_000)
  return { browser, isolate: stage.isolateAt('SIN') }
}

/** The first view in an isolate and a location, of a session that is in KV for long. */
async function viewCold(
  stage: SessionStage,
  { freshness, ready }: { readonly freshness: Freshness; readonly ready: () => void },
): Promise<void> {
  const { browser, isolate } = await signInFarAway(stage)
  // The isolate is one that others have used: what it reads once for all is another matter.
  const other = await stage.signIn('user-2', 'AMS')
  await other.view(isolate, freshness)
  ready()
  await browser.view(isolate, freshness)
  await stage.clock.sleep(5000)
}

/** One more view in the same isolate, half a minute later. */
async function viewWarm(
  stage: SessionStage,
  { freshness, ready }: { readonly freshness: Freshness; readonly ready: () => void },
): Promise<void> {
  const { browser, isolate } = await signInFarAway(stage)
  await browser.view(isolate, freshness)
  await stage.clock.sleep(30_000)
  ready()
  await browser.view(isolate, freshness)
}

/** A third has another signature or another secret, a third is cut, and a third is no token. */
async function sendForged(
  stage: SessionStage,
  { freshness, ready }: { readonly freshness: Freshness; readonly ready: () => void },
): Promise<void> {
  const random = createSeededRandom('forged')
  const { jar } = await stage.signIn('user-1', 'AMS')
  const [cookie = ''] = jar.header.split('; ')
  const at = cookie.indexOf('=') + 1
  const [name, value] = [cookie.slice(0, at), cookie.slice(at)]
  const letter = (): string => 'abcdefghijklmnopqrstuvwxyz0123456789'.charAt(random() * 36)
  ready()
  for (let request = 0; request < forgedRequests; request++) {
    const where = Math.floor(random() * value.length)
    const forged = [
      value.slice(0, where) + (value[where] === 'x' ? 'y' : 'x') + value.slice(where + 1),
      value.slice(0, where),
      Array.from({ length: value.length }, letter).join(''),
    ][request % 3]
    const location = stageLocations[request % stageLocations.length] ?? ''
    const view = stage.isolateAt(location).view(`${name}${forged ?? ''}`, freshness)
    // Some fail on what KV takes for no key.
    await view.catch(() => undefined)
  }
}

function sumOf({ kvReads, kvWrites, authorityCalls, queries }: StageUsage): number {
  return kvReads + kvWrites + authorityCalls + queries
}
