import type { KVOperation } from '../kv/metered-kv.ts'
import type { RandomSource } from './seeded-random.ts'

/** What a fault strikes, and when. Without options: everything, until it is ended. */
export interface FaultScope {
  /** Names of locations. Default: all. */
  readonly locations?: readonly string[]
  /** Names of namespaces. Default: all. */
  readonly namespaces?: readonly string[]
  /** Default: all that the fault can strike. */
  readonly operations?: readonly KVOperation['type'][]
  /** The keys. A bulk read is struck when one of its keys is. Default: all. */
  readonly keys?: (key: string) => boolean
  /** The share of calls, from 0 to 1. Default 1. */
  readonly rate?: number
  /** From when on, in epoch milliseconds of the clock. Default: at once. */
  readonly startMs?: number
  /** Until when, in epoch milliseconds of the clock. Default: until it is ended. */
  readonly endMs?: number
}

/** The central store does not answer. Locations go on serving what they have cached, misses too; all else fails. */
export interface CentralDownFault extends FaultScope {
  readonly type: 'central_down'
  /** Status of the answer. Default 503. */
  readonly status?: number
}

/** Calls fail, cached or not. */
export interface ErrorFault extends FaultScope {
  readonly type: 'error'
  /** Status of the answer. Default 500. */
  readonly status?: number
  /** The share of failed puts and deletes that were stored all the same, from 0 to 1. Default 0. */
  readonly appliedShare?: number
}

/** Puts and deletes are refused with a 429. */
export interface RateLimitedFault extends FaultScope {
  readonly type: 'rate_limited'
}

/** The quota of the day is used up. */
export interface QuotaExceededFault extends FaultScope {
  readonly type: 'quota_exceeded'
}

/** Calls take longer. */
export interface SlowFault extends FaultScope {
  readonly type: 'slow'
  /** Milliseconds that a call takes more. */
  readonly delayMs: number
}

/** Reads give a broken value. What is stored stays whole. */
export interface CorruptFault extends FaultScope {
  readonly type: 'corrupt'
  /** What is read instead. Default: the first half of the text. */
  readonly replacement?: string
}

export type KVFault =
  CentralDownFault | ErrorFault | RateLimitedFault | QuotaExceededFault | SlowFault | CorruptFault

/** One call, as faults see it. */
export interface FaultTarget {
  readonly operation: KVOperation['type']
  readonly location: string
  readonly namespace: string
  readonly keys: readonly string[]
}

const operationsOfFaults: Readonly<Record<KVFault['type'], readonly KVOperation['type'][]>> = {
  central_down: ['read', 'write', 'delete', 'list'],
  error: ['read', 'write', 'delete', 'list'],
  rate_limited: ['write', 'delete'],
  quota_exceeded: ['read', 'write', 'delete', 'list'],
  slow: ['read', 'write', 'delete', 'list'],
  corrupt: ['read'],
}

/** The faults that are on. */
export class Faults {
  readonly #active = new Set<KVFault>()
  readonly #options: { readonly now: () => number; readonly random: RandomSource }

  constructor(options: { readonly now: () => number; readonly random: RandomSource }) {
    this.#options = options
  }

  /** @returns Ends the fault. Calling it again does nothing. */
  add(fault: KVFault): () => void {
    const own = { ...fault }
    this.#active.add(own)
    return () => {
      this.#active.delete(own)
    }
  }

  /** The first fault of a type that strikes the call. */
  find<T extends KVFault['type']>(
    type: T,
    target: FaultTarget,
  ): Extract<KVFault, { type: T }> | undefined {
    for (const fault of this.#active) {
      if (fault.type === type && this.#strikes(fault, target)) {
        return fault as Extract<KVFault, { type: T }>
      }
    }
    return undefined
  }

  /** Whether something with a share strikes now. */
  draws(share: number): boolean {
    return share > 0 && (share >= 1 || this.#options.random() < share)
  }

  #strikes(fault: KVFault, target: FaultTarget): boolean {
    const nowMs = this.#options.now()
    const { locations, namespaces, keys, rate = 1, startMs = -Infinity, endMs = Infinity } = fault
    const operations = fault.operations ?? operationsOfFaults[fault.type]
    return (
      nowMs >= startMs &&
      nowMs < endMs &&
      operations.includes(target.operation) &&
      (locations?.includes(target.location) ?? true) &&
      (namespaces?.includes(target.namespace) ?? true) &&
      (keys === undefined || target.keys.some(keys)) &&
      this.draws(rate)
    )
  }
}
