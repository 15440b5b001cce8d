import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
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

if (isMainThread) await runAll()
else parentPort?.postMessage(runLimitFuzz(workerData as FuzzRange))

async function runAll(): Promise<void> {
  const [, , runsText, seedText] = process.argv
  const runs = Number(runsText ?? defaultRuns)
  const firstSeed = Number(seedText ?? Date.now())
  const startedMs = Date.now()
  const tasks: FuzzRange[] = []
  for (let run = 0; run < runs; run += runsPerTask) {
    tasks.push({ firstSeed: firstSeed + run, runs: Math.min(runsPerTask, runs - run) })
  }
  const summaries: FuzzSummary[] = []
  const work = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      summaries.push(await runApart(task))
      if (summaries.some(({ violations }) => violations.length > 0)) return
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  print(mergeSummaries(summaries), { firstSeed, seconds: (Date.now() - startedMs) / 1000 })
}

function runApart(range: FuzzRange): Promise<FuzzSummary> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: range })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function print(
  summary: FuzzSummary,
  { firstSeed, seconds }: { readonly firstSeed: number; readonly seconds: number },
): void {
  const { configurations, decisions, requests, refunds, violations, utilisation } = summary
  console.log(`first seed       ${firstSeed}`)
  console.log(`configurations   ${configurations.toLocaleString('en')}`)
  console.log(`decisions        ${decisions.toLocaleString('en')}`)
  console.log(`requests         ${requests.toLocaleString('en')}`)
  console.log(`refunds          ${refunds.toLocaleString('en')}`)
  console.log(`violations       ${violations.length}`)
  console.log(`seconds          ${seconds.toFixed(0)}`)
  for (const [algorithm, shares] of Object.entries(utilisation).sort()) {
    const measured = `mean ${mean(shares).toFixed(3)}, least ${Math.min(...shares).toFixed(3)}`
    console.log(`utilisation      ${algorithm}: ${measured} (${shares.length} calm configurations)`)
  }
  for (const violation of violations) console.error(violation)
  if (violations.length > 0) process.exitCode = 1
}
