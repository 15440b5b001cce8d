import type { FlagValue } from '../flag-definition.ts'
import type { FlagContext, FlagEvaluation } from '../flag-evaluation.ts'
import type { FlagReaderEvent, FlagReadiness } from '../flag-options.ts'
import type { FlagRuleset } from '../flag-ruleset.ts'

/** What answers: a `FlagReader`, or what has its shape. */
export interface FlagSource {
  /** Never rejects. */
  ready(): Promise<FlagReadiness>
  /** Never throws. */
  evaluate<T extends FlagValue>(
    flag: string,
    context: FlagContext,
    defaultValue: T,
  ): FlagEvaluation<T>
  getRuleset(): FlagRuleset | null
  subscribe(listener: (event: FlagReaderEvent) => void): () => void
}
