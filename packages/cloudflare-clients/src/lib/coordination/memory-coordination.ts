import type { Timers } from '../shared/timers.ts'
import { CoordinationAuthority } from './coordination-authority.ts'
import type { CoordinationNamespace } from './coordination-calls.ts'
import { MemoryStorage } from './memory-storage.ts'

export interface MemoryCoordinationOptions {
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Default the global ones. */
  readonly timers?: Timers
}

/**
 * Decides in this isolate's memory, for tests and for what runs in one process: the code of `CoordinationObject`, without a
 * network or a disk. Nothing is ever deleted. Another isolate knows nothing of it.
 */
export function memoryCoordination({
  now = Date.now,
  timers = globalThis,
}: MemoryCoordinationOptions = {}): CoordinationNamespace {
  const authorities = new Map<string, CoordinationAuthority>()
  return {
    getByName(name) {
      const known = authorities.get(name)
      if (known !== undefined) return known
      const authority = new CoordinationAuthority(new MemoryStorage(), { now, timers })
      authorities.set(name, authority)
      return authority
    },
  }
}
