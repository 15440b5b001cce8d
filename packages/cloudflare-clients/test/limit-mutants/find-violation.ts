import { runLimitFuzz } from '../limit-fuzz/limit-fuzz.ts'
import { targetedCases } from '../limit-fuzz/targeted-cases.ts'

/** Prints by what the first violation was found, or nothing. */
const [, , runs] = process.argv
const { violations, configurations } = runLimitFuzz({
  firstSeed: 1,
  runs: Number(runs),
  maxViolations: 1,
})
const inFuzz = violations.length > 0 ? [`fuzz, configuration ${configurations}`] : []
const inCases = targetedCases.flatMap(({ name, run }) => (run() === undefined ? [] : [name]))
console.log([...inFuzz, ...inCases].join('; '))
