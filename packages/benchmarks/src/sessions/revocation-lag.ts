import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { median } from '../paired-ratio.ts'
import { allContestants, ourContestants, type SessionContestant } from './all-session-systems.ts'
import { onStage, stageLocations } from './session-stage.ts'

const scenario = 'revocation-lag'
const trials = 25
const conditions = ['typical', 'adverse'] as const
const boundMetric = 'promised (s)'
/** More than KV takes at its worst here. */
const leastHorizonSeconds = 420

const maxMetric = (condition: (typeof conditions)[number]): string => `${condition} KV, longest (s)`

/** How long after a sign-out of all devices has returned views of other locations are still accepted. */
export const revocationLag: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('sessions', scenario)
    for (const contestant of allContestants) {
      const { boundSeconds } = contestant
      results.add(contestant.id, boundMetric, { value: boundSeconds ?? 'nothing' })
      for (const condition of conditions) {
        const lags: number[] = []
        for (let trial = 0; trial < trials; trial++) {
          lags.push(await measureLag(contestant, { condition, trial }))
        }
        results.add(contestant.id, `${condition} KV, median (s)`, { value: round(median(lags)) })
        results.add(contestant.id, maxMetric(condition), { value: round(Math.max(...lags)) })
      }
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    ourContestants.flatMap(({ id, boundSeconds }) =>
      conditions.flatMap((condition) => {
        const found = cellOf(results, { library: id, scenario, metric: maxMetric(condition) })
        return typeof found === 'number' && found <= (boundSeconds ?? 0)
          ? []
          : [
              `revocation-lag: ${id}: at most ${String(boundSeconds)} s wanted, ${String(found)} found`,
            ]
      }),
    ),
}

function measureLag(
  { create, freshness, boundSeconds }: SessionContestant,
  { condition, trial }: { readonly condition: (typeof conditions)[number]; readonly trial: number },
): Promise<number> {
  const counts = { rowsWritten: 0, queries: 0 }
  const system = create(counts)
  return onStage(
    system,
    { seed: `lag-${trial}`, consistency: condition, counts },
    async (stage) => {
      const { clock } = stage
      const [home = ''] = stageLocations
      const here = stage.isolateAt(home)
      const browser = await stage.signIn('user-1', home)
      // Known everywhere, and in the middle of whatever is held.
      await clock.sleep(600_000)
      for (const location of stageLocations)
        await browser.view(stage.isolateAt(location), freshness)
      await clock.sleep((trial * 997) % 50_000)
      for (const location of stageLocations)
        await browser.view(stage.isolateAt(location), freshness)
      if (here.signOutAll) await here.signOutAll('user-1')
      else await here.signOut(browser.jar.header)
      const endedMs = clock.now()
      const horizonSeconds = Math.max(leastHorizonSeconds, (boundSeconds ?? 0) + 120)
      let lastAcceptMs = endedMs
      while (clock.now() < endedMs + horizonSeconds * 1000) {
        const startMs = clock.now()
        for (const location of stageLocations.slice(1)) {
          const viewedMs = clock.now()
          if (await browser.view(stage.isolateAt(location), freshness)) lastAcceptMs = viewedMs
        }
        const stepMs = startMs - endedMs < 90_000 ? 1000 : 10_000
        await clock.sleep(Math.max(1, startMs + stepMs - clock.now()))
      }
      return (lastAcceptMs - endedMs) / 1000
    },
  )
}

function round(seconds: number): number {
  return Math.ceil(seconds * 10) / 10
}
