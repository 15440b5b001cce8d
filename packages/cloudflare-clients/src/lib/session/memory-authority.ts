import { MapSessionStorage } from './map-session-storage.ts'
import type { SessionAuthorityCalls } from './session-authority-calls.ts'
import { MapPreferencesStorage } from './preferences/map-preferences-storage.ts'
import type { PreferencesAuthorityCalls } from './preferences/preferences-authority-calls.ts'
import { PreferencesAuthority } from './preferences/preferences-authority.ts'
import { SessionAuthority } from './session-authority.ts'

export interface MemorySessionAuthorityOptions {
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
}

/** What decides about a user's sessions, and about their preferences beside them. */
type UserCalls = SessionAuthorityCalls & PreferencesAuthorityCalls

/** Takes the place of the binding of `SessionObject`. */
export interface MemorySessionAuthority {
  getByName(name: string): UserCalls
}

/**
 * Decides about sessions and preferences in this isolate's memory, for tests and for local development without the coordinator: the
 * code of `SessionObject`, without a network or a disk. Arguments and replies are copied, as on the way to an object. Another isolate
 * knows nothing of it.
 */
export function createMemorySessionAuthority({
  now = Date.now,
}: MemorySessionAuthorityOptions = {}): MemorySessionAuthority {
  const authorities = new Map<string, UserCalls>()
  return {
    getByName(name) {
      const known = authorities.get(name)
      if (known !== undefined) return known
      const calls = toCalls(
        new SessionAuthority({ storage: new MapSessionStorage(), now }),
        new PreferencesAuthority(new MapPreferencesStorage(), now),
      )
      authorities.set(name, calls)
      return calls
    },
  }
}

function toCalls(authority: SessionAuthority, preferences: PreferencesAuthority): UserCalls {
  const over =
    <Args extends readonly unknown[], Reply>(decide: (...args: Args) => Reply) =>
    async (...args: Args): Promise<Reply> => {
      authority.deleteForgotten()
      preferences.deleteIdle()
      return Promise.resolve(structuredClone(decide(...structuredClone(args))))
    }
  return {
    create: over((request) => authority.create(request)),
    check: over((request) => authority.check(request)),
    rotate: over((request) => authority.rotate(request)),
    update: over((target, patch) => authority.update(target, patch)),
    revoke: over((target) => authority.revoke(target)),
    list: over((currentTokenHash) => authority.list(currentTokenHash)),
    getEpoch: over(() => authority.getEpoch()),
    setBan: over((banned) => authority.setBan(banned)),
    getEveryoneEpoch: over(() => authority.getEveryoneEpoch()),
    raiseEveryoneEpoch: over((toAtLeast) => authority.raiseEveryoneEpoch(toAtLeast)),
    getPreferences: over((knownVersion) => preferences.get(knownVersion)),
    patchPreferences: over((request) => preferences.patch(request)),
    deletePreferences: over(() => preferences.delete()),
  }
}
