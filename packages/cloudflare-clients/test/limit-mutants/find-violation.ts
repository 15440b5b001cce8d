import { runBackendFuzz } from '../limit-fuzz/backend-fuzz.ts'
import { runLimitFuzz } from '../limit-fuzz/limit-fuzz.ts'
import { targetedCases } from '../limit-fuzz/targeted-cases.ts'

/** Prints by what the first violation was found, or nothing. */
const [, , runs, backendRuns] = process.argv
const range = { firstSeed: 1, maxViolations: 1 }
const found = targetedCases.flatMap(({ name, run }) => (run() === undefined ? [] : [name]))
await tryBackend(Math.min(30, Number(backendRuns)))
// What is found already is found. Whether other traffic meets it as well is worth a shorter look.
const fuzzRuns = found.length === 0 ? Number(runs) : Number(runs) / 10
const { violations, configurations } = runLimitFuzz({ ...range, runs: fuzzRuns })
if (violations.length > 0) found.unshift(`fuzz, configuration ${configurations}`)
if (found.length === 0) await tryBackend(Number(backendRuns))
console.log(found.join('; '))

async function tryBackend(backendRuns: number): Promise<void> {
  const backend = await runBackendFuzz({ ...range, runs: backendRuns })
  if (backend.violations.length === 0) return
  found.push(`fuzz of the backend, configuration ${backend.configurations}`)
}
