import { assertKV } from '../kv/assert-kv.ts'
import { checkNumber } from '../shared/check-number.ts'
import { createReporter } from '../shared/client-event.ts'
import { raceTimer, timedOut } from '../shared/timers.ts'
import type { RulesetStanding } from './compile-flag.ts'
import { type CompiledRuleset, compileRuleset } from './compile-ruleset.ts'
import { toErrorAnswer } from './flag-answer.ts'
import type { FlagTarget } from './flag-authority-calls.ts'
import type { FlagValue } from './flag-definition.ts'
import { FlagError, type FlagFailureCode, toFlagError, toUnavailable } from './flag-error.ts'
import type { FlagContext, FlagEvaluation } from './flag-evaluation.ts'
import type { FlagReaderEvent, FlagReaderOptions, FlagReadiness } from './flag-options.ts'
import type { FlagRuleset } from './flag-ruleset.ts'

/** What an isolate answers from. */
interface HeldRuleset {
  readonly ruleset: FlagRuleset
  readonly compiled: CompiledRuleset
  /** As KV gave it, `null` where it had none: the same need not be compiled again. */
  readonly text?: string | null | undefined
}

/** What an isolate knows of an environment's ruleset. */
export interface RulesetLoader {
  /** In KV. */
  readonly key: string
  readonly held: () => HeldRuleset | undefined
  readonly ready: () => Promise<FlagReadiness>
  readonly evaluate: (
    flag: string,
    context: FlagContext | undefined,
    defaultValue: FlagValue,
  ) => FlagEvaluation
  readonly getEnabledFlags: (context: FlagContext | undefined) => string[]
  readonly subscribe: (listener: (event: FlagReaderEvent) => void) => () => void
  readonly clear: () => void
  /** Takes a ruleset that this isolate has written, or read from the authority. @throws {FlagError} When it is older than what is held. */
  readonly take: (ruleset: FlagRuleset, text?: string) => void
  /** What is held is the newest there was then, by the word of who decides about it. */
  readonly note: (sinceMs: number, isConfirmed: boolean) => void
}

/** KV, or the authority. */
interface Source {
  /** What it failed with last, until it answers. */
  readonly error: () => unknown
  /** Asks it, or joins who does. @returns Whether it answered with something of use. */
  readonly ask: () => Promise<boolean>
  /** Asks it, unless it failed just now. @returns What to wait for, which is the answer where it is needed. `undefined`: it is not asked. */
  readonly renew: (nowMs: number, isNeeded?: boolean) => Promise<boolean> | undefined
  readonly detach: () => void
}

const notReady = toErrorAnswer('PROVIDER_NOT_READY')
/** Between two attempts in the background while a source fails. */
const retryMs = 1000

/** Either way, because what another request noted may be ahead of this one's clock, which stands still between its I/O. */
function isWithin(nowMs: number, sinceMs: number, forMs: number): boolean {
  return forMs === Infinity || Math.abs(nowMs - sinceMs) < forMs
}

/**
 * Decides when an isolate asks KV and the authority for the ruleset, and what it takes of what they answer.
 *
 * Each time that counts is taken before asking, so that nothing passes for younger than it is. Of two versions the higher one stays,
 * in whatever order they arrive, so an answer that comes too late for who asked is still of use. A failure changes nothing but when the
 * next attempt is made.
 *
 * @throws {TypeError} When `kv` is no namespace, or there is nobody to confirm.
 * @throws {RangeError} When an option is out of range.
 * @throws {FlagError} When the bootstrap is no ruleset.
 */
export function createRulesetLoader(kv: KVNamespace, options: FlagReaderOptions): RulesetLoader {
  const action = 'create flag reader'
  assertKV(action, kv)
  const { environment = 'default', authority, bootstrap, waitUntil } = options
  const { algorithms = [], operators = [] } = options
  const { now = Date.now, timers = globalThis, timeoutMs = 2000, onEvent, onEvaluation } = options
  const { freshSeconds = 30, staleSeconds = 300, cacheTtlSeconds = 60 } = options
  const { confirmWithinSeconds = Infinity } = options
  const check = (name: string, value: number, min: number): number =>
    checkNumber(`${action}: ${name}`, value, { min }) * 1000
  check('timeoutMs', timeoutMs, 1)
  check('cacheTtlSeconds', cacheTtlSeconds, 30)
  const freshMs = check('freshSeconds', freshSeconds, 1)
  const usableMs = freshMs + check('staleSeconds', staleSeconds, 0)
  const confirmMs = check('confirmWithinSeconds', confirmWithinSeconds, 1)
  if (!authority && confirmMs < Infinity) {
    throw new TypeError(`Cannot ${action}: confirmWithinSeconds needs authority`)
  }
  // Such a name is a key as it stands. `keys.flags` gives the same, and brings a digest for others.
  if (!/^[\w.-]{1,64}$/.test(environment)) {
    throw new RangeError(`Cannot ${action}: environment must match [\\w.-]{1,64}`)
  }
  const client = 'feature-flags'
  const key = `flags:${environment}`
  const report = createReporter(onEvent)
  const observe = onEvaluation && createReporter(onEvaluation)
  const listeners = new Set<(event: FlagReaderEvent) => void>()
  const emit = (event: FlagReaderEvent): void => {
    for (const listener of listeners) listener(event)
  }

  let held: HeldRuleset | undefined
  let heldVersion = 0
  /** How old the authority's word may be. */
  let boundMs = confirmMs
  /** Whether it comes from KV or the authority, and not from the bundle. */
  let isLoaded = false
  /** When KV or the authority was asked for what is held. */
  let asOfMs = -Infinity
  /** When the authority was asked for its last word. */
  let confirmedMs = -Infinity
  /** When a `ready` last began that found that word young enough: who awaited it evaluates after that. */
  let judgedMs = -Infinity
  let clearings = 0
  /** How many there were when what came last was asked for. */
  let seenClearings = 0
  let status: FlagReadiness['status'] | undefined

  const take = (ruleset: unknown, text?: string | null): void => {
    let compiled
    const faults: FlagTarget[] = []
    try {
      ruleset ??= JSON.parse(text ?? '{"format":1,"version":0,"changedAtMs":0,"flags":{}}')
      compiled = compileRuleset(ruleset, {
        algorithms,
        operators,
        onFault: (fault) => faults.push(fault),
      })
    } catch {
      throw toUnusable('invalid', 'no ruleset')
    }
    const { version } = compiled
    // Where nothing was ever written, what is in the bundle stands.
    if (version === 0 && held && !isLoaded) return
    if (version < heldVersion) {
      throw toUnusable('outdated', `version ${version} is before ${heldVersion}`)
    }
    for (const { kind, name } of faults) {
      const reason = `${kind} ${JSON.stringify(name)} cannot be read`
      report({ type: 'corrupt_value', client, key, reason })
    }
    const before = held?.ruleset
    const after = ruleset as FlagRuleset
    held = { ruleset: after, compiled, text }
    heldVersion = version
    boundMs = Math.min(confirmMs, compiled.strictWithinMs)
    isLoaded = after !== bootstrap
    if (before) emit({ type: 'changed', version, before, after })
  }

  const note = (sinceMs: number, isConfirmed: boolean): void => {
    asOfMs = Math.max(asOfMs, sinceMs)
    if (isConfirmed) confirmedMs = Math.max(confirmedMs, sinceMs)
  }

  /** `undefined`: what is held is as fresh and as confirmed as it should be. */
  const standingAt = (nowMs: number): RulesetStanding | undefined => {
    const unconfirmedSinceMs = Math.max(confirmedMs, judgedMs)
    const isStale =
      !isWithin(nowMs, asOfMs, usableMs) || !isWithin(nowMs, unconfirmedSinceMs, confirmMs)
    return isStale || !isWithin(nowMs, unconfirmedSinceMs, boundMs)
      ? { isStale, unconfirmedSinceMs }
      : undefined
  }

  const settle = (): FlagReadiness => {
    const standing = standingAt(now())
    const error = standing && (confirmation.error() ?? reading.error())
    const next = held ? (standing ? 'stale' : 'ready') : 'none'
    if (next !== status) {
      status = next
      emit({ type: next === 'none' ? 'error' : next, version: heldVersion, error })
    }
    return { status, version: heldVersion, asOfMs: isLoaded ? asOfMs : null, error }
  }

  /** @param fetch Asks, and takes what is answered. */
  const createSource = (
    operation: 'read' | 'confirm',
    fetch: () => Promise<void>,
    toMaxAgeMs: () => number,
  ): Source => {
    let flight: Promise<boolean> | undefined
    /** When it was last asked, or failed to answer. */
    let askedMs = -Infinity
    /** For how long after that nobody asks in the background. */
    let pauseMs: number
    let error: FlagError | undefined

    const askNow = async (): Promise<boolean> => {
      const sinceMs = (askedMs = now())
      pauseMs = timeoutMs + retryMs
      const sinceClearings = clearings
      const asking = fetch().then(() => {
        note(sinceMs, operation === 'confirm')
        seenClearings = Math.max(seenClearings, sinceClearings)
        pauseMs = retryMs
        error = undefined
      })
      // What comes too late for who waits is taken too, so it is the answer that is kept alive.
      waitUntil?.(asking.catch(() => undefined))
      try {
        if ((await raceTimer(asking, { delayMs: timeoutMs, timers })) === timedOut) {
          throw toUnavailable(operation, 'no_answer')
        }
      } catch (cause) {
        error = toFlagError(operation, cause)
        askedMs = now()
        const isCorrupt = error.code === 'invalid'
        const isOutdated = error.code === 'outdated'
        // What is of no use stays so for as long as a location keeps its copy.
        pauseMs = isCorrupt || isOutdated ? freshMs : retryMs
        const type = isCorrupt ? 'corrupt_value' : 'store_error'
        // That a location of KV is behind for a while is ordinary. Where it lasts, who subscribes hears `stale`.
        if (!isOutdated || operation === 'confirm') {
          report({ type, client, key, operation, reason: error.message, error })
        }
      }
      settle()
      return !error
    }

    /** Across requests: who follows waits with a timer of its own, because what died with its request settles for nobody. */
    const ask = async (): Promise<boolean> => {
      const shared = flight
      // What is under way for longer is dead, or too old to confirm anything.
      if (shared && isWithin(now(), askedMs, Math.min(timeoutMs, toMaxAgeMs()))) {
        const answer = await raceTimer(shared, { delayMs: timeoutMs / 2, timers })
        if (answer !== timedOut) return answer
        // Of those who waited, another was first to take over.
        if (flight !== shared) return ask()
      }
      const own = (flight = askNow())
      try {
        return await own
      } finally {
        if (flight === own) flight = undefined
      }
    }

    return {
      error: () => error,
      ask,
      detach() {
        flight = undefined
      },
      renew(nowMs, isNeeded) {
        // Who waits for what does not come helps nobody who has something to answer from.
        if (isNeeded && !(error && isWithin(nowMs, askedMs, timeoutMs))) return ask()
        if (isWithin(nowMs, askedMs, pauseMs)) return undefined
        const asking = ask()
        return waitUntil ? Promise.resolve(true) : asking
      },
    }
  }

  const reading = createSource(
    'read',
    async () => {
      const text = await kv.get(key, { type: 'text', cacheTtl: cacheTtlSeconds })
      if (text !== held?.text) take(undefined, text)
    },
    () => Infinity,
  )

  const confirmation = createSource(
    'confirm',
    async () => {
      const calls = authority?.getByName(environment)
      const reply = await calls?.getRuleset(isLoaded ? heldVersion : undefined)
      if (reply?.ruleset) take(reply.ruleset)
    },
    () => boundMs,
  )

  /** With nothing to answer from: KV, and the authority where KV does not do. */
  const start = async (): Promise<void> => {
    const asked = reading.ask()
    const confirmed = confirmMs < Infinity && confirmation.ask()
    if (await confirmed) return
    // Where there is somebody else to ask, KV has half of the time.
    await (authority ? raceTimer(asked, { delayMs: timeoutMs / 2, timers }) : asked)
    if (authority && !confirmed && (!held || boundMs < Infinity)) await confirmation.ask()
  }

  /** Starts what is due. @returns What `ready` has to wait for. */
  const renew = (nowMs: number, isWaiting?: boolean): Promise<unknown> | undefined => {
    const isDue = (sinceMs: number, forMs: number): boolean =>
      seenClearings < clearings || !isWithin(nowMs, sinceMs, forMs)
    const renewReading = (): Promise<unknown> | undefined =>
      isDue(asOfMs, freshMs)
        ? reading.renew(nowMs, isWaiting && isDue(asOfMs, usableMs))
        : undefined
    if (!held && isWaiting) return start()
    const confirming =
      authority && isDue(confirmedMs, boundMs) ? confirmation.renew(nowMs, isWaiting) : undefined
    // Where the authority has just said it, KV has nothing to add.
    return confirming?.then((isConfirmed) => isConfirmed || renewReading()) ?? renewReading()
  }

  if (bootstrap) take(bootstrap)
  return {
    key,
    held: () => held,
    evaluate(flag, context, defaultValue) {
      const nowMs = now()
      let standing
      // Otherwise nothing is due, and nothing is to be confirmed.
      if (seenClearings < clearings || !isWithin(nowMs, asOfMs, freshMs) || boundMs < Infinity) {
        void renew(nowMs)
        standing = standingAt(nowMs)
      }
      const evaluation =
        held?.compiled.evaluate(flag, context, defaultValue, nowMs, standing) ??
        Object.freeze({ ...notReady, value: defaultValue })
      const atMs = nowMs
      observe?.({ flag, context: context ?? {}, evaluation, rulesetVersion: heldVersion, atMs })
      return evaluation
    },
    getEnabledFlags(context) {
      const nowMs = now()
      const { booleanFlags = [], evaluate } = held?.compiled ?? {}
      return booleanFlags
        .filter((flag) => evaluate?.(flag, context, false, nowMs, standingAt(nowMs)).value)
        .sort()
    },
    subscribe(listener) {
      const observer = createReporter(listener)
      listeners.add(observer)
      return () => {
        listeners.delete(observer)
      }
    },
    clear() {
      clearings++
      reading.detach()
      confirmation.detach()
    },
    take,
    note,
    async ready() {
      const nowMs = now()
      const work = renew(nowMs, true)
      if (work) await raceTimer(work, { delayMs: timeoutMs, timers }).catch(() => undefined)
      judgedMs = confirmedMs > nowMs - boundMs ? Math.max(judgedMs, nowMs) : confirmedMs
      return settle()
    },
  }
}

function toUnusable(code: FlagFailureCode, reason: string): FlagError {
  return new FlagError(`Cannot read flags: ${reason}`, { code, operation: 'read' })
}
