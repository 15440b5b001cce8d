import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type BackendFuzzSummary, runBackendFuzz } from './backend-fuzz.ts'
import {
  type FuzzRange,
  type FuzzSummary,
  mean,
  mergeSummaries,
  runLimitFuzz,
} from './limit-fuzz.ts'

/**
 * The long run of the limiter's safety fuzz: `pnpm --filter @codex/cloudflare-clients test:fuzz-limits [runs] [first seed]`.
 * It fails where any admission goes beyond what its algorithm promises, and says with which seed.
 */
const defaultRuns = 8500
const runsPerTask = 50
/** Of so many, one is run with the whole backend too. */
const runsPerBackendRun = 10

interface TaskSummary {
  readonly holders: FuzzSummary
  readonly backend: BackendFuzzSummary
}

if (isMainThread) await runAll()
else parentPort?.postMessage(await runTask(workerData as FuzzRange))

async function runTask(range: FuzzRange): Promise<TaskSummary> {
  const runs = Math.ceil(range.runs / runsPerBackendRun)
  return { holders: runLimitFuzz(range), backend: await runBackendFuzz({ ...range, runs }) }
}

async function runAll(): Promise<void> {
  const [, , runsText, seedText] = process.argv
  const runs = Number(runsText ?? defaultRuns)
  const firstSeed = Number(seedText ?? Date.now())
  const startedMs = Date.now()
  const tasks: FuzzRange[] = []
  for (let run = 0; run < runs; run += runsPerTask) {
    tasks.push({ firstSeed: firstSeed + run, runs: Math.min(runsPerTask, runs - run) })
  }
  const summaries: TaskSummary[] = []
  const work = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      summaries.push(await runApart(task))
      if (summaries.some((summary) => violationsOf(summary).length > 0)) return
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  print(summaries, { firstSeed, seconds: (Date.now() - startedMs) / 1000 })
}

function violationsOf({ holders, backend }: TaskSummary): readonly string[] {
  return [...holders.violations, ...backend.violations]
}

function runApart(range: FuzzRange): Promise<TaskSummary> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: range })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function print(
  summaries: readonly TaskSummary[],
  { firstSeed, seconds }: { readonly firstSeed: number; readonly seconds: number },
): void {
  const merged = mergeSummaries(summaries.map(({ holders }) => holders))
  const violations = summaries.flatMap(violationsOf)
  const ofBackend = (name: 'configurations' | 'decisions' | 'requests'): string =>
    summaries.reduce((total, { backend }) => total + backend[name], 0).toLocaleString('en')
  console.log(`first seed       ${firstSeed}`)
  console.log(`configurations   ${merged.configurations.toLocaleString('en')}`)
  console.log(`decisions        ${merged.decisions.toLocaleString('en')}`)
  console.log(`requests         ${merged.requests.toLocaleString('en')}`)
  console.log(`refunds          ${merged.refunds.toLocaleString('en')}`)
  console.log(
    `whole backend    ${ofBackend('configurations')} configurations, ${ofBackend('decisions')} decisions, ${ofBackend('requests')} requests`,
  )
  console.log(`violations       ${violations.length}`)
  console.log(`seconds          ${seconds.toFixed(0)}`)
  for (const [algorithm, shares] of Object.entries(merged.utilisation).sort()) {
    const measured = `mean ${mean(shares).toFixed(3)}, least ${Math.min(...shares).toFixed(3)}`
    console.log(`utilisation      ${algorithm}: ${measured} (${shares.length} calm configurations)`)
  }
  for (const violation of violations) console.error(violation)
  if (violations.length > 0) process.exitCode = 1
}
