import type { FlagValue } from './flag-definition.ts'
import type { FlagErrorCode, FlagEvaluation } from './flag-evaluation.ts'

/** An evaluation that is made once, and lacks its value where that is the caller's default. */
export type FlagAnswer = Omit<FlagEvaluation, 'value'> & { readonly value?: FlagValue }

export function toErrorAnswer(
  code: FlagErrorCode,
  flag: Pick<FlagEvaluation, 'flagVersion' | 'metadata'> = { flagVersion: 0 },
): FlagAnswer {
  const message = `Cannot evaluate flag: ${code.toLowerCase().replaceAll('_', ' ')}`
  return Object.freeze({ ...flag, reason: 'ERROR', error: Object.freeze({ code, message }) })
}
