import { createSeededRandom } from '@codex/cloudflare-clients/testing'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import {
  ourContestants,
  otherContestants,
  type SessionContestant,
  withoutSealedCopies,
} from './all-session-systems.ts'
import { onStage, stageLocations } from './session-stage.ts'

const scenario = 'first-request-elsewhere'
const trials = 300
const conditions = ['typical', 'adverse'] as const

/** How many first requests are accepted that come to another location right after a sign-in. */
export const firstRequestElsewhere: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('sessions', scenario)
    for (const contestant of [...ourContestants, ...withoutSealedCopies, ...otherContestants]) {
      for (const condition of conditions) {
        let accepted = 0
        for (let trial = 0; trial < trials; trial++) {
          if (await tryOnce(contestant, { condition, trial })) accepted++
        }
        const value = Math.floor((accepted / trials) * 1000) / 10
        results.add(contestant.id, `${condition} KV`, { value, unit: '%' })
      }
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    ourContestants.flatMap(({ id }) =>
      conditions.flatMap((condition) => {
        const share = cellOf(results, { library: id, scenario, metric: `${condition} KV` })
        return share === 100
          ? []
          : [`first-request-elsewhere: ${id}: 100 % wanted, ${String(share)} found`]
      }),
    ),
}

function tryOnce(
  { create, freshness }: SessionContestant,
  { condition, trial }: { readonly condition: (typeof conditions)[number]; readonly trial: number },
): Promise<boolean> {
  const counts = { rowsWritten: 0, queries: 0 }
  const random = createSeededRandom(`elsewhere-${trial}`)
  const from = Math.floor(random() * stageLocations.length)
  const to = (from + 1 + Math.floor(random() * (stageLocations.length - 1))) % stageLocations.length
  const seed = `elsewhere-${trial}`
  return onStage(create(counts), { seed, consistency: condition, counts }, async (stage) => {
    const { clock } = stage
    const browser = await stage.signIn('user-1', stageLocations[from] ?? '')
    await clock.sleep(50 + random() * 500)
    return browser.view(stage.isolateAt(stageLocations[to] ?? ''), freshness)
  })
}
