import { runAuthorityFuzz } from './authority-fuzz.ts'
import { runPublishFuzz } from './publish-fuzz.ts'

export interface FlagFuzzRange {
  readonly firstSeed: number
  readonly runs: number
  /** Default 10. */
  readonly maxViolations?: number
}

/** Random schedules of editors, and of an object that publishes, each held to what has to be. Every 40th is long enough to forget changes. */
export async function runFlagFuzz({ firstSeed, runs, maxViolations = 10 }: FlagFuzzRange) {
  const edits = { changes: 0, imports: 0, conflicts: 0, refusals: 0, repeats: 0, restarts: 0 }
  const publishing = { puts: 0, failedPuts: 0, latePuts: 0, deaths: 0 }
  const violations: string[] = []
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const found = [runAuthorityFuzz(seed, edits), await runPublishFuzz(seed, publishing)]
    violations.push(...found.filter((violation) => violation !== undefined))
    if (violations.length >= maxViolations) break
  }
  return { ...edits, ...publishing, violations }
}
