import type { Timers } from '@codex/cloudflare-clients'
import type { ConfigSyntax } from '../config-document.ts'
import { ConfigError } from '../config-error.ts'
import { settleWithin } from './settle-within.ts'

/** Where a rollout is. */
export interface RolloutStep {
  readonly percentage: number
  /** Of the document. */
  readonly version: number
}

/**
 * Whether all is well. `false`, a throw, or no answer in time is a failure.
 *
 * @param step Where the rollout is. `undefined`: before it begins.
 */
export type RolloutProbe = (
  step: RolloutStep | undefined,
  options: { readonly signal: AbortSignal },
) => boolean | Promise<boolean>

export interface RollOutOptions {
  readonly syntax: ConfigSyntax
  /** At most 1,000 characters. */
  readonly description?: string
  readonly ifVersion?: number
  /** Percentages, rising, above 0 to 100. Default `[1, 10, 50]`. After the last one the candidate becomes the stable release. */
  readonly steps?: readonly number[]
  /**
   * How long each step is watched. Above a minute, which KV takes to show it. Default 300. A step whose last probe failed goes on until
   * one is well, or `failuresToAbort` is reached.
   */
  readonly bakeSeconds?: number
  readonly probe: RolloutProbe
  /** Default 15. */
  readonly probeEverySeconds?: number
  /** Of one probe. Default 10. */
  readonly probeTimeoutSeconds?: number
  /** Failures in a row that end the rollout, from 1. Default 2. */
  readonly failuresToAbort?: number
  /** Ends the rollout: the candidate is given up. Aborted before there is one: nothing is changed. */
  readonly signal?: AbortSignal
  /** Told of each step that was taken. */
  readonly onStep?: (step: RolloutStep) => void
}

export type RolloutResult =
  | { readonly status: 'promoted'; readonly version: number }
  /** The candidate was given up. */
  | { readonly status: 'aborted'; readonly version: number; readonly reason: string }
  /** Somebody else changed the configuration meanwhile, and it was left as they made it. */
  | { readonly status: 'superseded'; readonly version: number; readonly reason: string }
  /** The probe failed, or `signal` was aborted, before anything was changed. */
  | { readonly status: 'not_started'; readonly reason: string }

/** What a rollout does to its configuration. Each is safe to repeat with the same id. */
export interface RolloutCalls {
  start(percentage: number, changeId: string): Promise<{ version: number }>
  ramp(percentage: number, ifVersion: number, changeId: string): Promise<{ version: number }>
  promote(ifVersion: number, changeId: string): Promise<{ version: number }>
  abort(ifVersion: number, changeId: string, reason: string): Promise<{ version: number }>
}

const maxAttempts = 8
const minBackoffMs = 500
const maxBackoffMs = 30_000
const defaultSteps: readonly number[] = [1, 10, 50]
const calledOff = 'it was called off'

/** Takes a candidate from step to step while its probe is well, and gives it up when it is not. */
export async function rollOut(
  calls: RolloutCalls,
  options: RollOutOptions,
  timers: Timers,
): Promise<RolloutResult> {
  const { steps = defaultSteps, onStep, signal } = options
  assertRollOut(options, steps)
  if (signal?.aborted) return { status: 'not_started', reason: calledOff }
  const before = await probeOnce(undefined, options, timers)
  if (signal?.aborted) return { status: 'not_started', reason: calledOff }
  if (before !== undefined) return { status: 'not_started', reason: before }
  let version = 0
  try {
    for (const [index, percentage] of steps.entries()) {
      const take = (changeId: string) =>
        index === 0 ? calls.start(percentage, changeId) : calls.ramp(percentage, version, changeId)
      ;({ version } = await repeat(take, timers))
      onStep?.({ percentage, version })
      const reason = await bake({ percentage, version }, options, timers)
      if (reason !== undefined) return await giveUp(reason)
    }
    const promoted = await repeat((changeId) => calls.promote(version, changeId), timers)
    return { status: 'promoted', version: promoted.version }
  } catch (error) {
    if (version === 0) throw error
    if (isConflict(error)) return superseded(error)
    // Whatever else went wrong: nobody watches the candidate any more.
    return await giveUp(`the rollout failed: ${toReason(error)}`)
  }

  async function giveUp(reason: string): Promise<RolloutResult> {
    try {
      const aborted = await repeat((changeId) => calls.abort(version, changeId, reason), timers)
      return { status: 'aborted', version: aborted.version, reason }
    } catch (error) {
      if (isConflict(error)) return superseded(error)
      throw new ConfigError(
        `Cannot abort the rollout of version ${version}: it goes on unwatched and has to be aborted by hand (${reason})`,
        { code: 'unavailable', operation: 'abort', cause: error },
      )
    }
  }

  function superseded(error: ConfigError): RolloutResult {
    return { status: 'superseded', version, reason: error.message }
  }
}

/** @returns Why to end the rollout, if there is a reason. */
async function bake(
  step: RolloutStep,
  options: RollOutOptions,
  timers: Timers,
): Promise<string | undefined> {
  const { bakeSeconds = 300, probeEverySeconds = 15, failuresToAbort = 2, signal } = options
  const everyMs = Math.min(bakeSeconds, probeEverySeconds) * 1000
  let failures = 0
  // After a failure also beyond the time of the step: no step may follow one whose last probe failed.
  for (let leftMs = bakeSeconds * 1000; leftMs > 0 || failures > 0; leftMs -= everyMs) {
    await sleepUnlessAborted(leftMs > 0 ? Math.min(leftMs, everyMs) : everyMs, signal, timers)
    if (signal?.aborted) return calledOff
    const reason = await probeOnce(step, options, timers)
    if (signal?.aborted) return calledOff
    failures = reason === undefined ? 0 : failures + 1
    if (reason !== undefined && failures >= failuresToAbort) return reason
  }
  return undefined
}

/** @returns What is wrong. */
async function probeOnce(
  step: RolloutStep | undefined,
  { probe, probeTimeoutSeconds = 10 }: RollOutOptions,
  timers: Timers,
): Promise<string | undefined> {
  const controller = new AbortController()
  const { signal } = controller
  try {
    const asked = Promise.resolve().then(() => probe(step, { signal }))
    const timeoutMs = probeTimeoutSeconds * 1000
    const isWell = await settleWithin(asked, { timeoutMs, timers })
    return isWell ? undefined : 'the probe failed'
  } catch (error) {
    controller.abort()
    return `the probe failed: ${toReason(error)}`
  }
}

/** While the authority cannot be reached. The id is the same each time, so that nothing is done twice. */
async function repeat<T>(call: (changeId: string) => Promise<T>, timers: Timers): Promise<T> {
  const changeId = crypto.randomUUID()
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(changeId)
    } catch (error) {
      const isTransient =
        error instanceof ConfigError && error.retryable && error.code !== 'conflict'
      if (!isTransient || attempt === maxAttempts) throw error
      const delayMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** attempt)
      await sleepUnlessAborted(delayMs, undefined, timers)
    }
  }
}

function sleepUnlessAborted(
  delayMs: number,
  signal: AbortSignal | undefined,
  timers: Timers,
): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      signal?.removeEventListener('abort', end)
      timers.clearTimeout(timer)
      resolve()
    }
    const timer = timers.setTimeout(end, delayMs)
    signal?.addEventListener('abort', end)
  })
}

function assertRollOut(
  {
    bakeSeconds = 300,
    probeEverySeconds = 15,
    probeTimeoutSeconds = 10,
    failuresToAbort = 2,
  }: RollOutOptions,
  steps: readonly number[],
): void {
  const isRising = steps.every((step, index) => step > (steps[index - 1] ?? 0) && step <= 100)
  if (steps.length === 0 || !isRising) {
    throw new RangeError(
      `Cannot roll out: steps must rise from above 0 to at most 100, received ${steps.join(', ')}`,
    )
  }
  for (const [name, value] of Object.entries({
    bakeSeconds,
    probeEverySeconds,
    probeTimeoutSeconds,
  })) {
    if (value > 0 && value < Infinity) continue
    throw new RangeError(`Cannot roll out: ${name} must be greater than 0, received ${value}`)
  }
  if (Number.isInteger(failuresToAbort) && failuresToAbort >= 1) return
  throw new RangeError(
    `Cannot roll out: failuresToAbort must be a whole number of at least 1, received ${failuresToAbort}`,
  )
}

function isConflict(error: unknown): error is ConfigError {
  return error instanceof ConfigError && error.code === 'conflict'
}

function toReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
