import { ConfigError } from '../config-error.ts'
import { createConfigReporter } from './config-event.ts'
import type {
  ConfigChange,
  ConfigRefresh,
  ConfigRefreshOptions,
  ConfigStatus,
} from './config-refresh.ts'
import { type ConfigKeeper, createConfigKeeper, type HeldConfig } from './held-config.ts'
import { createLoadFlights } from './load-flights.ts'
import type { LoadedConfig } from '../load/loaded-config.ts'
import { createNoticeDesk } from './notice-desk.ts'
import { isWithin, raceTimer, timedOut } from './race-timer.ts'

export interface ConfigLoader<T> {
  /** Of the sources: says which notices are for them. */
  readonly uris: readonly string[]
  /** Loads all there is now. */
  readonly load: (options: { readonly signal: AbortSignal }) => Promise<LoadedConfig<T>>
  /** Tells of changes, where sources can. */
  readonly watchSources?: ((onChange: () => void) => () => void) | undefined
}

export interface ConfigRefresher<T> {
  readonly held: () => HeldConfig<T> | undefined
  readonly ready: () => Promise<T>
  readonly read: () => Promise<T>
  readonly refresh: () => Promise<ConfigRefresh>
  readonly accept: (notice: unknown) => Promise<boolean>
  readonly watch: (listener: (change: ConfigChange<T>) => void) => () => void
  readonly status: () => ConfigStatus
  /** Whether whatever should ask again does. */
  readonly isRunning: () => boolean
  readonly close: () => void
}

/** After a first failure. Twice as long after each further one, and never longer than `ttlSeconds`. */
const retryMs = 1000

/**
 * Decides when a configuration is loaded again, and tells of what came of it.
 *
 * @throws {RangeError} When an option is out of range.
 */
export function createConfigRefresher<T>(
  { uris, load, watchSources }: ConfigLoader<T>,
  options: ConfigRefreshOptions,
): ConfigRefresher<T> {
  const {
    refresh: mode,
    waitUntil,
    now = Date.now,
    timers = globalThis,
    random = Math.random,
  } = options
  if (!['background', 'on-read'].includes(mode)) {
    throw new RangeError(
      `Cannot create config client: refresh must be background or on-read, received ${mode}`,
    )
  }
  const ttlMs = check('ttlSeconds', options.ttlSeconds ?? 60, { min: 1, max: 86_400 }) * 1000
  const staleMs = ttlMs + check('staleSeconds', options.staleSeconds ?? 300, { min: 0 }) * 1000
  const timeoutMs = check('timeoutMs', options.timeoutMs ?? 10_000, { min: 1, max: 600_000 })
  const debounceMs = check('debounceMs', options.debounceMs ?? 100, { min: 0, max: 60_000 })
  const noticeMs = check('noticeSeconds', options.noticeSeconds ?? 180, { min: 0 }) * 1000
  const removedAfterMs =
    check('removedAfterSeconds', options.removedAfterSeconds ?? 600, { min: 0 }) * 1000
  const report = createConfigReporter(options.onEvent)
  const keeper: ConfigKeeper<T> = createConfigKeeper({ removedAfterMs })
  const { held } = keeper
  const listeners = new Set<{ readonly listener: (change: ConfigChange<T>) => void }>()
  const controllers = new Set<AbortController>()

  /** Of the newest load that ended, where it was not good. */
  let failure: { readonly order: number; readonly error: ConfigError } | undefined
  let failures = 0
  let endedMs = -Infinity
  /** From the end of the last load to the next one. */
  let pauseMs = 0
  let timer: unknown
  let debounce: unknown
  let unwatch: (() => void) | undefined
  let isClosed = false
  const isOpen = (): boolean => !isClosed

  const tell = (change: ConfigChange<T>): void => {
    for (const registration of [...listeners]) {
      if (!listeners.has(registration)) continue
      try {
        registration.listener(change)
      } catch (error) {
        report({ type: 'listener_failed', error })
      }
    }
  }

  const fail = (order: number, error: ConfigError): ConfigRefresh => {
    // The failure of a load that began before a good one says nothing of what is in use.
    if (order > (held()?.order ?? 0) && order > (failure?.order ?? 0)) {
      failure = { order, error }
      failures++
    }
    report({ type: error.code === 'outdated' ? 'outdated' : 'refresh_failed', error })
    return { status: 'failed', error }
  }

  const take = (loaded: LoadedConfig<T>, order: number, beganMs: number): ConfigRefresh => {
    if (isClosed) return { status: 'failed', error: toClosed() }
    const taking = keeper.take({ loaded, order, beganMs })
    if (taking.status === 'outdated') return fail(order, taking.error)
    if (taking.status === 'superseded') return { status: 'unchanged' }
    if (failure && failure.order <= order) failure = undefined
    failures = 0
    const { versions } = loaded
    if (taking.status === 'unchanged') return { status: 'unchanged' }
    if (taking.status === 'first') {
      report({ type: 'loaded', versions })
      return { status: 'changed' }
    }
    const { before, differences } = taking
    report({ type: 'changed', versions, differences })
    tell({ before, after: loaded.value, differences })
    return { status: 'changed' }
  }

  const attempt = async (order: number): Promise<ConfigRefresh> => {
    if (isClosed) return { status: 'failed', error: toClosed() }
    startWatching()
    const beganMs = now()
    const controller = new AbortController()
    controllers.add(controller)
    const { signal } = controller
    let isOver = false
    const work = (async () => load({ signal }))()
      // What comes too late for who waits is of use all the same, unless a newer one is there.
      .then((loaded) => take(loaded, order, beganMs))
      .catch((cause: unknown): ConfigRefresh => {
        const error = isClosed ? toClosed() : toConfigError(cause)
        return isOver || isClosed ? { status: 'failed', error } : fail(order, error)
      })
    let result: ConfigRefresh | typeof timedOut = await raceTimer(work, {
      delayMs: timeoutMs,
      timers,
    })
    isOver = true
    controllers.delete(controller)
    if (result === timedOut && !isOpen()) result = { status: 'failed', error: toClosed() }
    if (result === timedOut) {
      const message = `Cannot load configuration: wanted an answer within ${timeoutMs} ms, received none`
      result = fail(order, new ConfigError(message, { code: 'timed_out', operation: 'load' }))
      controller.abort(result.status === 'failed' ? result.error : undefined)
    }
    endedMs = now()
    const spread = random()
    // Earlier by up to a fifth, so that `ttlSeconds` holds and processes that began together do not go on together.
    pauseMs =
      failures === 0
        ? ttlMs * (1 - spread / 5)
        : Math.min(ttlMs, retryMs * 2 ** Math.min(failures - 1, 20)) * (1 - spread / 2)
    schedule()
    return result
  }

  const flights = createLoadFlights({ attempt, timeoutMs, now, timers, waitUntil })

  const schedule = (): void => {
    if (mode !== 'background' || isClosed) return
    timers.clearTimeout(timer)
    timer = unref(timers.setTimeout(() => void flights.join(), pauseMs))
  }

  const startWatching = (): void => {
    if (mode !== 'background' || unwatch) return
    unwatch = () => undefined
    try {
      unwatch =
        watchSources?.(() => {
          // Not put off by each further change: a file that is written all the time would never be read.
          if (isClosed || debounce !== undefined) return
          debounce = timers.setTimeout(() => {
            debounce = undefined
            void flights.next()
          }, debounceMs)
          unref(debounce)
        }) ?? unwatch
    } catch (error) {
      report({ type: 'watch_failed', error })
    }
  }

  const ready = async (): Promise<T> => {
    const { value } = held() ?? (await first())
    return value
  }

  const first = async (): Promise<HeldConfig<T>> => {
    const result = await flights.join()
    const loaded = held()
    if (loaded) return loaded
    throw result.status === 'failed' ? result.error : toClosed()
  }

  /** What `read` waits for. */
  const renew = (): Promise<unknown> | undefined => {
    const nowMs = now()
    const { checkedAtMs = -Infinity } = held() ?? {}
    if (mode !== 'on-read' || isClosed || isWithin(nowMs, checkedAtMs, ttlMs)) return undefined
    if (failures > 0 && isWithin(nowMs, endedMs, pauseMs)) return undefined
    if (!waitUntil) return flights.join()
    // Nobody follows behind a request: its wait would only hold the request's memory.
    if (!flights.isFlying()) void flights.join()
    return undefined
  }

  const { accept } = createNoticeDesk({
    noticeMs,
    current: () => ({ sources: uris, versions: held()?.loaded.versions ?? {} }),
    isClosed: () => isClosed,
    flights,
    now,
    timers,
    random,
    report,
  })

  return {
    held,
    ready,
    async read() {
      if (!held()) return ready()
      const renewing = renew()
      if (renewing) await raceTimer(renewing, { delayMs: timeoutMs, timers })
      return ready()
    },
    refresh: () => flights.next(),
    accept,
    watch(listener) {
      const registration = { listener }
      listeners.add(registration)
      return () => {
        listeners.delete(registration)
      }
    },
    status() {
      const { loaded, loadedAtMs = null, checkedAtMs = null } = held() ?? {}
      return {
        loadedAtMs,
        checkedAtMs,
        versions: loaded?.versions ?? {},
        isStale: checkedAtMs === null || !isWithin(now(), checkedAtMs, staleMs),
        ...(failure && { error: failure.error }),
      }
    },
    isRunning() {
      if (isClosed) return false
      const isQuiet = mode === 'on-read' || endedMs === -Infinity || flights.isFlying()
      // Twice, because a process that was stopped for a while need not be ended for it.
      return isQuiet || now() < endedMs + 2 * (pauseMs + timeoutMs)
    },
    close() {
      if (isClosed) return
      isClosed = true
      timers.clearTimeout(timer)
      timers.clearTimeout(debounce)
      listeners.clear()
      try {
        unwatch?.()
        for (const controller of controllers) controller.abort(toClosed())
      } catch {
        // In Workers a load may belong to another request, which ends it by itself.
      }
    },
  }
}

function check(
  name: string,
  value: number,
  { min, max = 1e9 }: { readonly min: number; readonly max?: number },
): number {
  if (value >= min && value <= max) return value
  throw new RangeError(
    `Cannot create config client: ${name} must be from ${min} to ${max}, received ${value}`,
  )
}

/** A timer keeps no process alive, where the platform can be told so. */
function unref(timer: unknown): unknown {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) {
    const { unref: release } = timer
    if (typeof release === 'function') release.call(timer)
  }
  return timer
}

function toClosed(): ConfigError {
  const message = 'Cannot load configuration: wanted an open client, received a closed one'
  return new ConfigError(message, { code: 'unavailable', operation: 'load' })
}

function toConfigError(cause: unknown): ConfigError {
  if (cause instanceof ConfigError) return cause
  // Its words may hold anything.
  const message = 'Cannot load configuration: the load failed'
  return new ConfigError(message, { code: 'unavailable', operation: 'load', cause })
}
