import type { EvaluationCase } from './evaluation-cases.ts'
import type { FlagEvaluator } from './flag-evaluators.ts'

/** How far the share of users may be from ten of a hundred, with the few users there are. */
const shareBounds = { least: 0.04, most: 0.18 }

/** @throws {Error} When somebody gets something else than the case says. */
export function assertEqualMeaning(
  { name, users, expected }: EvaluationCase,
  evaluator: FlagEvaluator,
): void {
  const found = users.map((_, index) => evaluator.evaluate(index))
  if (expected === null) {
    const share = found.filter(Boolean).length / users.length
    if (share < shareBounds.least || share > shareBounds.most) {
      throw new Error(`${name}: a tenth of the users wanted, ${share} found`)
    }
    return
  }
  const wrong = users.filter((user, index) => expected(user) !== found[index])
  if (wrong.length > 0) throw new Error(`${name}: wrong for ${wrong.length} of ${users.length}`)
}
