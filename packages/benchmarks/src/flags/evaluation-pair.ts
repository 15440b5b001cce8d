import { pairedRatio } from '../paired-ratio.ts'
import { type EvaluationCase, evaluationCases } from './evaluation-cases.ts'
import { assertEqualMeaning } from './equal-meaning.ts'
import { type EvaluatorName, flagEvaluators, type FlagEvaluator } from './flag-evaluators.ts'

// A process of its own for each pair, as a bundle: what one library makes of the engine's caches is not carried into the next.

/** About what takes a block of the slower one, in ms. */
const blockMs = 20
const repetitions = 41

function findCase(name: string | undefined): EvaluationCase {
  const found = evaluationCases.find((one) => one.name === name)
  if (!found) throw new RangeError(`Cannot measure "${String(name)}": there is no such case`)
  return found
}

function findName(name: string | undefined): EvaluatorName {
  if (name !== undefined && Object.hasOwn(flagEvaluators, name)) return name as EvaluatorName
  throw new RangeError(`Cannot measure "${String(name)}": there is no such library`)
}

/** Evaluates for all users in turn. @returns Milliseconds. */
function runBlock(
  { evaluate }: FlagEvaluator,
  { users, rounds }: { users: number; rounds: number },
) {
  let trues = 0
  globalThis.gc?.()
  const startedMs = performance.now()
  for (let round = 0; round < rounds; round++) {
    for (let user = 0; user < users; user++) if (evaluate(user)) trues++
  }
  const tookMs = performance.now() - startedMs
  if (trues % rounds !== 0) throw new Error('The answers changed while they were measured')
  return tookMs
}

if (!globalThis.gc) throw new Error('Run this with --expose-gc')
const one = findCase(process.argv[2])
const users = one.users.length
const base = flagEvaluators[findName(process.argv[3])](one)
const other = flagEvaluators.codex(one)
for (const evaluator of [base, other]) assertEqualMeaning(one, evaluator)
let rounds = 1
for (const warmUp of [200, 200, 200]) {
  const took = [base, other].map((side) => runBlock(side, { users, rounds: warmUp }))
  rounds = Math.max(1, Math.ceil((blockMs * warmUp) / Math.max(...took)))
}
const ratio = await pairedRatio({
  repetitions,
  measure: (side) => Promise.resolve(runBlock(side === 'base' ? base : other, { users, rounds })),
})
process.stdout.write(String(ratio))
