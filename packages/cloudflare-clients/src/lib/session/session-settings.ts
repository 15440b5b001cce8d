import { checkNumber } from '../shared/check-number.ts'
import type {
  SessionFreshness,
  SessionStoreOptions,
  SessionUnavailablePolicy,
} from './session-options.ts'
import { checkSecrets } from './session-token.ts'

export interface Lifetimes {
  readonly absoluteMs: number
  readonly idleMs: number
}

/** The options of a store, checked, with defaults. */
export interface SessionSettings {
  readonly secrets: readonly string[]
  readonly remembered: Lifetimes
  readonly unremembered: Lifetimes
  readonly renewalFraction: number
  readonly edgeMs: number
  readonly graceSeconds: number
  readonly everyoneMs: number
  readonly memoryEntries: number
  readonly timeoutMs: number
}

const creating = 'create session store:'
const daySeconds = 86_400
const defaultOpenMs = 900_000

/** @throws {RangeError} When one is out of its range. */
export function toSettings(options: SessionStoreOptions): SessionSettings {
  const { secrets, unremembered = {}, renewalFraction = 0.1 } = options
  if (secrets !== undefined) checkSecrets(secrets)
  const check = (name: string, value: number, min: number, max?: number): number =>
    checkNumber(`${creating} ${name}`, value, { min, ...(max !== undefined && { max }) })
  if (!(renewalFraction > 0 && renewalFraction <= 1)) {
    throw new RangeError(
      `Cannot ${creating} renewalFraction must be above 0 and at most 1, received ${renewalFraction}`,
    )
  }
  const {
    absoluteTimeoutSeconds = 30 * daySeconds,
    idleTimeoutSeconds = 7 * daySeconds,
    edgeSeconds = 3600,
    graceSeconds = 60,
    everyoneSeconds = 5,
    memoryEntries = 10_000,
    timeoutMs = 2000,
  } = options
  return {
    secrets: secrets ?? [],
    remembered: {
      absoluteMs: check('absoluteTimeoutSeconds', absoluteTimeoutSeconds, 60) * 1000,
      idleMs: check('idleTimeoutSeconds', idleTimeoutSeconds, 60) * 1000,
    },
    unremembered: {
      absoluteMs:
        check(
          'unremembered.absoluteTimeoutSeconds',
          unremembered.absoluteTimeoutSeconds ?? daySeconds,
          60,
        ) * 1000,
      idleMs:
        check(
          'unremembered.idleTimeoutSeconds',
          unremembered.idleTimeoutSeconds ?? daySeconds / 3,
          60,
        ) * 1000,
    },
    renewalFraction,
    edgeMs: check('edgeSeconds', edgeSeconds, 60) * 1000,
    graceSeconds: checkGrace(creating, graceSeconds),
    everyoneMs: check('everyoneSeconds', everyoneSeconds, 1, 60) * 1000,
    memoryEntries: check('memoryEntries', memoryEntries, 0),
    timeoutMs: check('timeoutMs', timeoutMs, 1),
  }
}

export function checkGrace(action: string, graceSeconds: number): number {
  return checkNumber(`${action} graceSeconds`, graceSeconds, { min: 0, max: 3600 })
}

/**
 * @returns How old a confirmation may be, in ms. -1: none will do.
 * @throws {TypeError | RangeError} When it is no freshness.
 */
export function toMaxAgeMs(action: string, freshness: SessionFreshness, edgeMs: number): number {
  if (freshness === 'strict') return -1
  if (freshness === 'edge') return edgeMs
  const { boundedSeconds } = Object(freshness) as { boundedSeconds?: unknown }
  if (typeof boundedSeconds !== 'number') {
    throw new TypeError(
      `Cannot ${action} freshness must be "strict", "edge" or { boundedSeconds }, received ${describe(freshness)}`,
    )
  }
  return checkNumber(`${action} boundedSeconds`, boundedSeconds, { min: 1, max: daySeconds }) * 1000
}

/**
 * @returns How old a confirmation may be where the authority does not answer, in ms. -1: none will do.
 * @throws {TypeError | RangeError} When it is no policy.
 */
export function toOpenMs(
  action: string,
  policy: SessionUnavailablePolicy | undefined,
  maxAgeMs: number,
): number {
  if (policy === undefined) return maxAgeMs < 0 ? -1 : defaultOpenMs
  if (policy === 'closed') return -1
  const { openWithinSeconds } = Object(policy) as { openWithinSeconds?: unknown }
  if (typeof openWithinSeconds !== 'number') {
    throw new TypeError(
      `Cannot ${action} onUnavailable must be "closed" or { openWithinSeconds }, received ${describe(policy)}`,
    )
  }
  return checkNumber(`${action} openWithinSeconds`, openWithinSeconds, { min: 0 }) * 1000
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : typeof value
}
