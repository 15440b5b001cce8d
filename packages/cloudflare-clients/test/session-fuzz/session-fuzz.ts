import { SessionAuthority } from '../../src/lib/session/session-authority.ts'
import type { SessionAuthorityNamespace } from '../../src/lib/session/session-authority-calls.ts'
import type { SessionRow, SessionUserRow } from '../../src/lib/session/session-storage.ts'
import { SessionStore } from '../../src/lib/session/session-store.ts'
import { useImmediateWebCrypto } from '../../src/lib/testing/sessions/immediate-web-crypto.ts'
import { runSessionPlan } from '../../src/lib/testing/sessions/run-session-plan.ts'
import { createSessionPlan } from '../../src/lib/testing/sessions/session-plan.ts'
import { createSessionStoreSystem } from '../../src/lib/testing/sessions/session-store-system.ts'

export interface SessionFuzzRange {
  readonly firstSeed: number
  readonly runs: number
  /** Default 10. */
  readonly maxViolations?: number
}

export interface SessionFuzzSummary {
  readonly schedules: number
  readonly views: number
  readonly accepted: number
  readonly failed: number
  /** Of views that were accepted within their bound after a revocation. */
  readonly lags: number
  readonly leaks: number
  /** Each with its seed and what happened before. */
  readonly violations: readonly string[]
}

const system = createSessionStoreSystem<SessionAuthorityNamespace, SessionUserRow, SessionRow>({
  name: 'SessionStore',
  startAuthority: (storage, now) => new SessionAuthority({ storage, now }),
  createStore: (kv, options) => new SessionStore(kv, options),
})

/** Random schedules of sessions over five locations, each judged by what has to hold. */
export async function runSessionFuzz({
  firstSeed,
  runs,
  maxViolations = 10,
}: SessionFuzzRange): Promise<SessionFuzzSummary> {
  const summary = { schedules: 0, views: 0, accepted: 0, failed: 0, lags: 0, leaks: 0 }
  const violations: string[] = []
  const end = useImmediateWebCrypto()
  try {
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      const plan = createSessionPlan(seed)
      const report = await runSessionPlan(plan, system)
      summary.schedules++
      summary.views += report.views
      summary.accepted += report.accepted
      summary.failed += report.failed
      summary.lags += report.lagsMs.length
      summary.leaks += report.leaks
      if (report.leaks > 0) violations.push(`seed ${seed}: ${report.leaks} bearers were stored`)
      if (report.violations.length > 0) violations.push(await explain(seed))
      if (violations.length >= maxViolations) break
    }
  } finally {
    end()
  }
  return { ...summary, violations }
}

/** The same schedule once more, with what happened. */
async function explain(seed: number): Promise<string> {
  const plan = createSessionPlan(seed)
  const { violations, trace } = await runSessionPlan(plan, system, { trace: true })
  const { steps: _steps, ...setting } = plan
  return [
    `seed ${seed}:`,
    ...violations.map(({ type, what }) => `  ${type}: ${what}`),
    `  ${JSON.stringify(setting)}`,
    ...trace.map((line) => `  ${line}`),
  ].join('\n')
}
