import {
  type AuthorityNamespace,
  LimitAuthority,
  type LimitAuthorityCalls,
} from '@codex/cloudflare-clients/testing'
import type { LimiterWorld } from '../limiters/limiter-under-test.ts'

/**
 * The authorities of `RateLimiterObject` as isolates reach them: the very ones that decide in the object, behind the simulated
 * way, with rows that are counted.
 */
export class SimulatedAuthorities {
  readonly #world: LimiterWorld
  readonly #authorities = new Map<string, LimitAuthority>()

  constructor(world: LimiterWorld) {
    this.#world = world
  }

  /** The binding as an isolate in a location has it. */
  namespaceAt(location: number): AuthorityNamespace {
    const { network } = this.#world
    return {
      getByName: (name) => {
        const authority: LimitAuthorityCalls = this.#find(name)
        return {
          acquire: (request) => network.call(location, () => authority.acquire(request)),
          checkAll: (requests) => network.call(location, () => authority.checkAll(requests)),
          getStatus: (key, rule) => network.call(location, () => authority.getStatus(key, rule)),
          change: (change) => network.call(location, () => authority.change(change)),
        }
      },
    }
  }

  #find(name: string): LimitAuthority {
    const known = this.#authorities.get(name)
    if (known !== undefined) return known
    const { clock, network } = this.#world
    const countRow = (): void => {
      network.usage.rowsWritten++
    }
    // Its alarm comes after everything here is over.
    countRow()
    const authority = new LimitAuthority({
      now: clock.now,
      storage: { load: () => undefined, save: countRow, delete: countRow },
    })
    this.#authorities.set(name, authority)
    return authority
  }
}
