import type { FlagValue } from './flag-definition.ts'
import type { FlagContext, FlagEvaluation } from './flag-evaluation.ts'
import type { FlagReaderEvent, FlagReaderOptions, FlagReadiness } from './flag-options.ts'
import type { FlagRuleset } from './flag-ruleset.ts'
import { createRulesetLoader, type RulesetLoader } from './ruleset-loader.ts'

/**
 * Feature flags, read once and answered from memory. Make one for each environment, at module scope: it is shared by the requests of an isolate.
 *
 * **Cost.** A cold isolate reads KV once, for any number of flags; a warm one asks nothing for `freshSeconds`. Strict flags cost one request to the
 * authority for each bound. (`flag-reader.test.ts`)
 *
 * **Age.** `ready` loads and renews; `evaluate` answers from what is there. A ruleset is renewed after `freshSeconds`: behind the request for
 * `staleSeconds` more, then `ready` waits for it, for `timeoutMs` at most. Without `waitUntil` it always waits, because nothing lives on behind a request.
 *
 * - From KV alone: a change is seen `freshSeconds` and what KV takes after it was written, by every isolate that has requests: a minute or more.
 * - Strict flags: once a change of one has returned, every `ready` that begins its `withinSeconds` later sees it, however late KV is. That a flag is
 *   strict is known from the ruleset, so it holds from when an isolate has read one in which it is.
 * - `confirmWithinSeconds`: the same for every change, in every isolate from its first request on. (all three: `flag-simulation.test.ts`)
 *
 * A confirmation counts from when the authority was asked. `evaluate` takes that of the last `ready`; more than the bound after that, a strict flag is
 * unconfirmed again, so call `ready` once in each request, and again in a long one.
 *
 * **Order.** An isolate never goes back to an older version, whatever order answers arrive in. (`flag-simulation.test.ts`)
 *
 * **Failures.** While KV or the authority fails, answers something of no use, or says nothing, the last good ruleset answers, or else the one in the bundle. Too old, or
 * unconfirmed, its answers say `STALE`, and strict flags give their `otherwise`. A failure is never remembered for an answer: with nothing to answer from
 * the next `ready` tries again at once, otherwise it is tried again behind requests, once a second at most. (`flag-faults.test.ts` has the table)
 * A client that disconnects takes no load away from others. (`flag-abort.test.ts`)
 *
 * @example
 * ```ts
 * import { waitUntil } from 'cloudflare:workers'
 * import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
 *
 * const flags = new FlagReader(env.FLAGS_KV, { waitUntil })
 *
 * await flags.ready()
 * const { value, reason } = flags.evaluate('upload-megabytes', { userId: 'user-1' }, 10)
 * ```
 */
export class FlagReader {
  protected readonly loader: RulesetLoader

  /**
   * @param kv Where rulesets are.
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing, or `confirmWithinSeconds` has no `authority` to ask.
   * @throws {RangeError} When an option is out of its range.
   * @throws {FlagError} When the bootstrap is no ruleset.
   */
  constructor(kv: KVNamespace, options: FlagReaderOptions = {}) {
    this.loader = createRulesetLoader(kv, options)
  }

  /**
   * Loads, renews or confirms the ruleset, as far as that is due, and waits where what is there will not do. It never rejects.
   *
   * @returns What answers rest on now.
   */
  ready(): Promise<FlagReadiness> {
    return this.loader.ready()
  }

  /**
   * Answers for a flag, at once. It never throws: what went wrong is the answer's `error`, and its value is the default then.
   *
   * Where a renewal is due it is begun behind the answer.
   *
   * @param context Who asks. A percentage or a split needs a user id.
   * @param defaultValue Also says what type of value is wanted.
   * @returns Frozen.
   */
  evaluate(
    flag: string,
    context: FlagContext | undefined,
    defaultValue: boolean,
  ): FlagEvaluation<boolean>
  evaluate(
    flag: string,
    context: FlagContext | undefined,
    defaultValue: string,
  ): FlagEvaluation<string>
  evaluate(
    flag: string,
    context: FlagContext | undefined,
    defaultValue: number,
  ): FlagEvaluation<number>
  evaluate<T extends FlagValue>(
    flag: string,
    context: FlagContext | undefined,
    defaultValue: T,
  ): FlagEvaluation<T>
  evaluate(
    flag: string,
    context: FlagContext | undefined,
    defaultValue: FlagValue,
  ): FlagEvaluation {
    return this.loader.evaluate(flag, context, defaultValue)
  }

  /**
   * Says whether a flag of true and false is on for somebody, after `ready`. It never rejects.
   *
   * @returns `false` too where there is no such flag, or nothing to answer from: `evaluate` tells why.
   */
  async isEnabled(flag: string, context?: FlagContext): Promise<boolean> {
    await this.ready()
    return this.evaluate(flag, context, false).value
  }

  /**
   * Names the flags of true and false that are on for somebody, in the order of their names, after `ready`. It never rejects.
   *
   * It is no exposure, so `onEvaluation` is not told.
   */
  async getEnabledFlags(context?: FlagContext): Promise<string[]> {
    await this.ready()
    return this.loader.getEnabledFlags(context)
  }

  /** Has the next `ready` ask and wait. KV may still answer it as before, for as long as this location keeps its copy; never is a version gone back. */
  clearCache(): void {
    this.loader.clear()
  }

  /** What answers rest on now, as it was read. `null`: there is nothing. Do not change it. */
  getRuleset(): FlagRuleset | null {
    return this.loader.held()?.ruleset ?? null
  }

  /**
   * Tells of each change of the ruleset, and of whether it is good to answer from, when a request finds out.
   *
   * @returns Ends it.
   */
  subscribe(listener: (event: FlagReaderEvent) => void): () => void {
    return this.loader.subscribe(listener)
  }
}
