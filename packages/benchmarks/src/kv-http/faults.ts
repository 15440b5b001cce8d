import { createVirtualClock, type VirtualClock } from '@codex/cloudflare-clients/testing'
import { createFakeKVApi, type FakeRequest } from '@codex/fake-kv-api'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { runOnVirtualTime } from '../simulation/virtual-globals.ts'
import { faultContestants } from './all-kv-clients.ts'
import { codexKVHttp } from './codex.ts'
import { type FaultPlan, faultPlans, requestName } from './fault-plans.ts'
import { withNodeTimers } from './node-timers.ts'
import type { KVClient, KVClientUnderTest } from './kv-client.ts'

const scenario = 'faults'
/** Calls that are under way at once. */
const concurrency = 10
/** Turns in which all requests that are under way go to the server and back. */
const turnsPerStep = 200
const second = 1000

const succeeded = 'succeeded'
const perCall = 'requests per call'
const twice = 'written twice'
const late = 'calls over the deadline'
const seconds = 'time of all'

/** Calls of a client while the API, the account's limit or the connections fail. */
export const faults: SuiteScenario = {
  name: scenario,
  async run() {
    const rows: BenchmarkResult[] = []
    for (const plan of faultPlans) {
      const results = new ScenarioResults('kv-http', `${scenario}: ${plan.name}`)
      for (const contestant of faultContestants) {
        const outcome = await runFaultPlan(contestant, plan)
        if (outcome === null) continue
        results.add(contestant.id, succeeded, { value: outcome.succeededPercent, unit: '%' })
        results.add(contestant.id, perCall, { value: outcome.requestsPerCall })
        results.add(contestant.id, twice, { value: outcome.writtenTwice })
        results.add(contestant.id, late, { value: outcome.lateCalls })
        results.add(contestant.id, seconds, { value: outcome.totalSeconds, unit: 's' })
      }
      rows.push(...results.all)
    }
    return rows
  },
  failures: (results) =>
    faultPlans.flatMap((plan) => {
      const at = (metric: string): unknown =>
        cellOf(results, { library: codexKVHttp.id, scenario: `${scenario}: ${plan.name}`, metric })
      const lateCalls = at(late)
      const share = at(succeeded)
      const wanted = isHopeless(plan) ? 0 : 100
      return [
        ...(lateCalls === 0 ? [] : [`${plan.name}: ${String(lateCalls)} calls over the deadline`]),
        ...(share === wanted ? [] : [`${plan.name}: ${wanted} % wanted, ${String(share)} %`]),
      ]
    }),
}

/** Within the deadline nothing can succeed. */
function isHopeless({ name }: FaultPlan): boolean {
  return name === '500 for ever' || name === '429, Retry-After of an hour'
}

export interface FaultOutcome {
  readonly succeededPercent: number
  readonly requestsPerCall: number
  /** Keys that were written by more than one request. */
  readonly writtenTwice: number
  readonly lateCalls: number
  readonly totalSeconds: number
}

/** @returns `null` when the client has no such call. */
export async function runFaultPlan(
  contestant: KVClientUnderTest,
  plan: FaultPlan,
): Promise<FaultOutcome | null> {
  const clock = createVirtualClock({ turnsPerStep, hangAfterMs: 5000 })
  const { deadlineMs = 60 * second, requestsPer5Minutes = Infinity } = plan
  const seen = new Map<string, number>()
  const written = new Map<string, number>()
  const api = await createFakeKVApi({
    now: clock.now,
    setTimeout: clock.setTimeout,
    requestsPer5Minutes,
    onRequest: (request) => {
      const name = requestName(request)
      const before = seen.get(name) ?? 0
      seen.set(name, before + 1)
      const fault = plan.fault?.(before, clock.now())
      const isWritten = fault === undefined || (fault.type === 'reset' && fault.at !== 'request')
      if (isWritten && isWrite(request)) written.set(name, (written.get(name) ?? 0) + 1)
      return fault
    },
  })
  const namespace = api.addNamespace('faults')
  for (let index = 0; plan.calls === 'reads' && index < plan.callCount; index++) {
    namespace.put(`k${index}`, { value: 'value', metadataJson: '{"m":1}' })
  }
  const client = contestant.open({
    url: api.url,
    accountId: api.accountId,
    apiToken: api.apiToken,
    namespaceId: namespace.id,
    deadlineMs,
    now: clock.now,
    timers: clock,
    // Where there is no limit nobody has to wait for a turn.
    requestsPer5Minutes: requestsPer5Minutes === Infinity ? 1_000_000 : requestsPer5Minutes,
  })
  const startedMs = clock.now()
  try {
    const { result } = await runOnVirtualTime(withNodeTimers(clock), () =>
      runCalls(client, plan, clock),
    )
    if (result === null) return null
    return {
      succeededPercent: round((result.succeeded / plan.callCount) * 100),
      requestsPerCall: round(api.requests.length / result.callsMade),
      writtenTwice: [...written.values()].filter((count) => count > 1).length,
      lateCalls: result.tookMs.filter((ms) => ms > deadlineMs).length,
      totalSeconds: round((clock.now() - startedMs) / second),
    }
  } finally {
    await api.close()
  }
}

interface CallOutcome {
  readonly succeeded: number
  readonly callsMade: number
  readonly tookMs: readonly number[]
}

async function runCalls(
  client: KVClient,
  { calls, callCount }: FaultPlan,
  clock: VirtualClock,
): Promise<CallOutcome | null> {
  const keys = Array.from({ length: callCount }, (_, index) => `k${index}`)
  const tookMs: number[] = []
  const timed = async <T>(call: () => Promise<T>): Promise<T | null> => {
    const startedMs = clock.now()
    try {
      return await call()
    } catch {
      return null
    } finally {
      tookMs.push(clock.now() - startedMs)
    }
  }
  if (calls === 'one bulk write') {
    const { putMany } = client
    if (putMany === undefined) return null
    const failed = await timed(() => putMany(keys.map((key) => ({ key, value: 'value' }))))
    const succeeded = failed === null ? 0 : callCount - failed.length
    return { succeeded, callsMade: 1, tookMs }
  }
  let succeeded = 0
  const waiting = [...keys]
  const work = async (): Promise<void> => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      const name = key
      const isDone = await timed(async () => {
        if (calls === 'reads') return (await client.getText(name)) === 'value'
        await client.put(name, 'value')
        return true
      })
      if (isDone === true) succeeded++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return { succeeded, callsMade: callCount, tookMs }
}

function isWrite({ method }: FakeRequest): boolean {
  return method === 'PUT'
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
