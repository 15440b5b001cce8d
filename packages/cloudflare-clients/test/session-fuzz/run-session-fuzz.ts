import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { runSessionFuzz, type SessionFuzzRange, type SessionFuzzSummary } from './session-fuzz.ts'

/**
 * The long run of the fuzz of sessions: `pnpm --filter @codex/cloudflare-clients test:fuzz-sessions [runs] [first seed]`.
 * It fails where a schedule shows what must not happen, and prints it with its seed and all that happened.
 */
const defaultRuns = 10_000
const runsPerTask = 100

if (isMainThread) await runAll()
else parentPort?.postMessage(await runSessionFuzz(workerData as SessionFuzzRange))

async function runAll(): Promise<void> {
  const [, , runsText, seedText] = process.argv
  const runs = Number(runsText ?? defaultRuns)
  const firstSeed = Number(seedText ?? Date.now())
  const startedMs = Date.now()
  const tasks: SessionFuzzRange[] = []
  for (let run = 0; run < runs; run += runsPerTask) {
    tasks.push({ firstSeed: firstSeed + run, runs: Math.min(runsPerTask, runs - run) })
  }
  const summaries: SessionFuzzSummary[] = []
  const work = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      summaries.push(await runApart(task))
      if (summaries.some(({ violations }) => violations.length > 0)) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), tasks.length) }, work))
  const sum = (name: Exclude<keyof SessionFuzzSummary, 'violations'>): string =>
    summaries.reduce((total, summary) => total + summary[name], 0).toLocaleString('en')
  const violations = summaries.flatMap((summary) => summary.violations)
  console.log(`first seed          ${firstSeed}`)
  console.log(`schedules           ${sum('schedules')}`)
  console.log(`views               ${sum('views')}, ${sum('accepted')} accepted`)
  console.log(`after a revocation  ${sum('lags')} accepted, within their bounds`)
  console.log(`requests that fail  ${sum('failed')}`)
  console.log(`violations          ${violations.length}`)
  console.log(`seconds             ${((Date.now() - startedMs) / 1000).toFixed(0)}`)
  for (const violation of violations) console.error(violation)
  if (violations.length > 0) process.exitCode = 1
}

function runApart(range: SessionFuzzRange): Promise<SessionFuzzSummary> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: range })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
