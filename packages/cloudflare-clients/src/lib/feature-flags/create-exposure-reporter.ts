import { checkNumber } from '../shared/check-number.ts'
import { CloudflareClientError } from '../shared/client-error.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import type { Timers } from '../shared/timers.ts'
import { createExposureIdentity, type ExposureIdentify } from './create-exposure-identity.ts'
import { describeValue } from './definition-checks.ts'
import type { FlagDecision } from './flag-evaluation.ts'
import type { FlagExposure } from './flag-options.ts'
import { RecentExposures } from './recent-exposures.ts'
import type { ExposureSink, ReportedExposure } from './reported-exposure.ts'

export interface ExposureReporterOptions {
  /** Where exposures go: `toAnalyticsEngine(dataset)`, `toQueue(queue)`, or a callback. */
  readonly to: ExposureSink
  /**
   * The share of users that are reported, above 0 and at most 1. It is decided by the user, independently of any flag's bucketing: the
   * same users are in for all flags, in all isolates. Default 1.
   */
  readonly sampleRate?: number
  /** For how long an isolate does not report the same user, flag, variant and flag version again, in seconds from 0. Default 3,600. */
  readonly dedupeSeconds?: number
  /** How many of these an isolate remembers, from 1; the one reported longest ago goes first. Default 10,000. */
  readonly maxRemembered?: number
  /** How many exposures wait for the end of a tick at most, from 1. More are not sent, which is reported. Default 1,000. */
  readonly maxBuffered?: number
  /**
   * Who it was. `hashed`: 128 bits of the user id's HMAC under `secret`. `none`: nobody, with users counted apart all the same. A function: what it
   * gives, which takes the place of the user id everywhere here. Default `hashed`.
   */
  readonly identify?: ExposureIdentify
  /**
   * The key of the hash, at least 32 characters, from a secret store. Default: none; then it is a plain SHA-256, and who has a list of user ids
   * finds them again by hashing them all.
   */
  readonly secret?: string
  /**
   * Which answers are reported. Default: those that were about this user, by a list, a rule or a share. Answers that everybody gets (static, default,
   * disabled, unconfirmed) and errors say nothing about a comparison of variants, and are most of all evaluations.
   */
  readonly which?: (exposure: FlagExposure) => boolean
  readonly timers?: Timers
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Told of sinks that failed and of exposures that were not sent. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
}

/** Takes evaluations, as the option `onEvaluation` of `FlagReader`. */
export interface ExposureReporter {
  (exposure: FlagExposure): void
  /** Sends what waits, without waiting for the end of the tick. Resolves when the sink is done; never rejects. */
  flush(): Promise<void>
}

/** Decisions about one user. */
const personal: ReadonlySet<FlagDecision | undefined> = new Set([
  'block',
  'allow',
  'rule',
  'percentage',
  'split',
])

/** A timer that did not fire for so long died with the request that set it. */
const lostTimerMs = 1_000

/**
 * Makes a reporter of exposures: who saw which variant.
 *
 * **An evaluation is never held up.** The reporter is synchronous, does no I/O and never throws: it looks the exposure up among those it
 * remembers, and puts it aside if it is new. At the end of the tick what was put aside goes to the sink at once, under `waitUntil`.
 *
 * **What is counted.** Each isolate reports a user, flag, variant and flag version once in `dedupeSeconds`; an exposure can thus come from several isolates, and is
 * to be counted by distinct `user`. Contexts without a user count as one user, who is always reported. Exposures of a sink that failed are forgotten, so that they are reported when they are
 * seen the next time (not where its error says `retryable: false`); those of an isolate that ends are lost. Exclude `allow`, `block` and `rule` decisions where a comparison should be
 * of users that a share decided.
 *
 * **Privacy.** Attributes never leave. User ids are hashed by default and stay in the isolate's memory while they are remembered.
 *
 * @throws {TypeError} When `to` is no function.
 * @throws {RangeError} When a number is out of its range, or the secret too short.
 *
 * @example
 * ```ts
 * import { createExposureReporter, FeatureFlags, toAnalyticsEngine } from '@codex/cloudflare-clients/feature-flags'
 * import { env, waitUntil } from 'cloudflare:workers'
 *
 * const flags = new FeatureFlags(env.FLAGS_KV, {
 *   onEvaluation: createExposureReporter({
 *     to: toAnalyticsEngine(env.EXPOSURES),
 *     sampleRate: 0.1,
 *     secret: env.EXPOSURE_SECRET,
 *     waitUntil,
 *   }),
 *   waitUntil,
 * })
 * ```
 */
export function createExposureReporter(options: ExposureReporterOptions): ExposureReporter {
  const { to, which = isPersonal, waitUntil } = options
  const what = 'create exposure reporter:'
  if (typeof (to as unknown) !== 'function') {
    throw new TypeError(`Cannot ${what} to must be a function, received ${describeValue(to)}`)
  }
  const sampleRate = options.sampleRate ?? 1
  if (!(sampleRate > 0 && sampleRate <= 1)) {
    throw new RangeError(
      `Cannot ${what} sampleRate must be above 0 and at most 1, received ${sampleRate}`,
    )
  }
  const maxBuffered = checkNumber(`${what} maxBuffered`, options.maxBuffered ?? 1_000, { min: 1 })
  const timers: Timers = options.timers ?? globalThis
  const report = createReporter(options.onEvent)
  const identity = createExposureIdentity(options)
  const recent = new RecentExposures({
    forMs: checkNumber(`${what} dedupeSeconds`, options.dedupeSeconds ?? 3_600, { min: 0 }) * 1_000,
    maxEntries: checkNumber(`${what} maxRemembered`, options.maxRemembered ?? 10_000, { min: 1 }),
  })

  let buffer: { readonly key: string; readonly exposure: ReportedExposure }[] = []
  let unsent = 0
  let timerSetAtMs = -Infinity

  const fail = (message: string, cause?: unknown): void => {
    report({
      type: 'store_error',
      client: 'feature-flags',
      operation: 'report exposures',
      error: new CloudflareClientError(message, {
        code: 'exposures_not_reported',
        operation: 'report exposures',
        retryable: false,
        cause,
      }),
    })
  }

  const flush = async (): Promise<void> => {
    const [sent, lost] = [buffer, unsent]
    buffer = []
    unsent = 0
    timerSetAtMs = -Infinity
    if (lost > 0) {
      fail(`Cannot report ${lost} exposures: at most ${maxBuffered} may wait in a tick`)
    }
    if (sent.length === 0) return
    try {
      await to(sent.map(({ exposure }) => exposure))
    } catch (error) {
      const { retryable } = Object(error) as { readonly retryable?: unknown }
      if (retryable !== false) for (const { key } of sent) recent.forget(key)
      fail(`Cannot report ${sent.length} exposures: their sink failed`, error)
    }
  }

  const flushAfterTick = (atMs: number): void => {
    const waitedMs = atMs - timerSetAtMs
    if (waitedMs >= 0 && waitedMs < lostTimerMs) return
    const flushed = Promise.withResolvers<unknown>()
    timers.setTimeout(() => {
      flushed.resolve(flush())
    }, 0)
    timerSetAtMs = atMs
    waitUntil?.(flushed.promise)
  }

  const take = (seen: FlagExposure): void => {
    if (!which(seen)) return
    const { flag, context, evaluation, rulesetVersion, atMs } = seen
    const { variant, reason, decision, rule, flagVersion } = evaluation
    const unit = identity.toUnit(context)
    const key = recent.remember({ flag, variant, flagVersion, unit }, atMs)
    if (key === null) return
    if (unit !== undefined && sampleRate < 1 && identity.toShare(unit) >= sampleRate) return
    if (buffer.length >= maxBuffered) {
      recent.forget(key)
      unsent++
      return
    }
    const user = unit === undefined ? undefined : identity.toUser(unit)
    const exposure: ReportedExposure = {
      flag,
      ...(variant !== undefined && { variant }),
      ...(user !== undefined && { user }),
      reason,
      ...(decision !== undefined && { decision }),
      ...(rule !== undefined && { rule }),
      flagVersion,
      rulesetVersion,
      atMs,
      sampleRate: unit === undefined ? 1 : sampleRate,
    }
    buffer.push({ key, exposure })
    flushAfterTick(atMs)
  }

  const reporter = (exposure: FlagExposure): void => {
    try {
      take(exposure)
    } catch (error) {
      fail('Cannot report an exposure', error)
    }
  }
  return Object.assign(reporter, { flush })
}

function isPersonal({ evaluation }: FlagExposure): boolean {
  return personal.has(evaluation.decision)
}
