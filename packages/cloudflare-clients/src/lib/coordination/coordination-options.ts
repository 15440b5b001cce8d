import type { EventReporter } from '../shared/client-event.ts'
import { checkNumber } from '../shared/check-number.ts'
import type { Timers } from '../shared/timers.ts'
import type { CoordinationNamespace } from './coordination-calls.ts'

export interface CoordinationOptions {
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Default the global ones. */
  readonly timers?: Timers
  /**
   * Keeps work alive when its client disconnects: pass the one from `cloudflare:workers`. Default: such work ends with its
   * request, and what it held ends with its TTL.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** How long to wait for an answer, not counting the time in line, in ms from 1. Default 5,000. */
  readonly timeoutMs?: number
  /** Told of calls that failed and that nobody waited for. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
}

const maxNameLength = 512

/** @throws {TypeError} When the binding is missing: it is `undefined` at run time whatever its type says. */
export function assertNamespace(action: string, namespace: CoordinationNamespace): void {
  const candidate = namespace as Partial<CoordinationNamespace> | null | undefined
  if (typeof candidate?.getByName === 'function') return
  throw new TypeError(
    `Cannot ${action}: the namespace must be a Durable Object binding of CoordinationObject, received ${candidate === null ? 'null' : typeof namespace}`,
  )
}

/** @throws {TypeError} When the name is no string, or empty: all such would be one. */
export function assertName(action: string, name: unknown): void {
  const length = typeof name === 'string' ? name.length : -1
  if (length >= 1 && length <= maxNameLength) return
  const received = length < 0 ? typeof name : `${length} characters`
  throw new TypeError(
    `Cannot ${action}: the name must be a string of 1 to ${maxNameLength} characters, received ${received}`,
  )
}

/** @throws {RangeError} When the number is not whole, or out of range. */
export function checkWhole(
  what: string,
  value: number,
  range: { readonly min: number; readonly max: number },
): number {
  if (Number.isInteger(value)) return checkNumber(what, value, range)
  throw new RangeError(`Cannot ${what} must be a whole number, received ${value}`)
}
