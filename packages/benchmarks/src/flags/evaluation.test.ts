import { describe, expect, it } from 'vitest'
import { assertEqualMeaning } from './equal-meaning.ts'
import { evaluationCases } from './evaluation-cases.ts'
import { flagEvaluators } from './flag-evaluators.ts'

describe.each(evaluationCases)('evaluation of $name', (one) => {
  it.each(Object.entries(flagEvaluators))('means the same in %s', (_name, create) => {
    expect(() => {
      assertEqualMeaning(one, create(one))
    }).not.toThrow()
  })

  it('is not taken for equal where it is not', () => {
    expect(() => {
      assertEqualMeaning(one, { evaluate: () => false })
    }).toThrow(one.name)
  })
})
