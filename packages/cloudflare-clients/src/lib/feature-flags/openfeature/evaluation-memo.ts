import type { ResolutionDetails } from '@openfeature/server-sdk'
import type { StoredFlag, FlagRuleset } from '../flag-ruleset.ts'

/**
 * Remembers answers for as long as their ruleset is the one to answer from, the latest first.
 *
 * Only flags whose answer is the same whenever it is asked for: those with a time, a prerequisite or a strict bound, or a condition on `$now`, are never in it.
 */
export class EvaluationMemo {
  readonly #maxEntries: number
  readonly #answers = new Map<string, ResolutionDetails<unknown>>()
  readonly #timeless = new Map<string, boolean>()
  #ruleset: FlagRuleset | null = null

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  /** @returns `null`: answers of this flag are not to be remembered. */
  toKey(
    ruleset: FlagRuleset | null,
    flag: string,
    type: string,
    context: Readonly<Record<string, unknown>>,
  ): string | null {
    if (ruleset !== this.#ruleset) {
      this.#answers.clear()
      this.#timeless.clear()
      this.#ruleset = ruleset
    }
    if (ruleset === null || !this.#isTimeless(ruleset, flag)) return null
    const fields = Object.keys(context).sort()
    try {
      return JSON.stringify([flag, type, fields, fields.map((field) => context[field])])
    } catch {
      return null // a circle, or a bigint
    }
  }

  get(key: string): ResolutionDetails<unknown> | undefined {
    const answer = this.#answers.get(key)
    if (answer === undefined) return undefined
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    return answer
  }

  set(key: string, answer: ResolutionDetails<unknown>): void {
    this.#answers.set(key, answer)
    if (this.#answers.size <= this.#maxEntries) return
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest)
      return
    }
  }

  #isTimeless({ flags, segments }: FlagRuleset, flag: string): boolean {
    const known = this.#timeless.get(flag)
    if (known !== undefined) return known
    const definition: StoredFlag | undefined = Object.hasOwn(flags, flag) ? flags[flag] : undefined
    const isTimeless =
      definition !== undefined &&
      definition.startsAt === undefined &&
      definition.endsAt === undefined &&
      definition.strict === undefined &&
      definition.prerequisites === undefined &&
      !JSON.stringify([definition.rules, definition.bucketing, segments]).includes('"$now"')
    this.#timeless.set(flag, isTimeless)
    return isTimeless
  }
}
