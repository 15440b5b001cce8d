import { ConfigError, type ConfigFault } from '../config-error.ts'
import type { ConfigDifference, LoadedConfig } from '../load/loaded-config.ts'

/** A load that did not fail. */
interface ConfigArrival<T> {
  readonly loaded: LoadedConfig<T>
  /** Of two loads the one with the higher order began later. */
  readonly order: number
  readonly beganMs: number
}

type ConfigTaking<T> =
  | { readonly status: 'first' }
  | { readonly status: 'unchanged' }
  | {
      readonly status: 'changed'
      readonly before: T
      readonly differences: readonly ConfigDifference[]
    }
  /** One that began later came first. */
  | { readonly status: 'superseded' }
  | { readonly status: 'outdated'; readonly error: ConfigError }

/** The last good configuration. */
export interface HeldConfig<T> {
  /** The same object until something in it is another. */
  readonly value: T
  /** The newest load, of which `value` may be an older, equal one. */
  readonly loaded: LoadedConfig<T>
  readonly order: number
  /** When the load began in which `value` was first seen. */
  readonly loadedAtMs: number
  /** When the newest load began. */
  readonly checkedAtMs: number
}

export interface ConfigKeeper<T> {
  readonly held: () => HeldConfig<T> | undefined
  /** Takes what was loaded, or refuses it: then nothing that is held changes. */
  readonly take: (arrival: ConfigArrival<T>) => ConfigTaking<T>
}

/**
 * Decides what takes the place of what. Synchronous, without a clock.
 *
 * A load that began before the one in use is superseded, whatever it holds. One in which a published document has a lower version than was seen is
 * outdated, as a location of KV may answer at any time. One in which a document is missing that was there is outdated too, because a location also
 * remembers misses; only when it has been missing for `removedAfterMs` it counts as removed.
 */
export function createConfigKeeper<T>({
  removedAfterMs,
}: {
  readonly removedAfterMs: number
}): ConfigKeeper<T> {
  let held: HeldConfig<T> | undefined
  /** By URI, of what was taken. */
  const floors = new Map<string, number>()
  /** By URI, when a load first missed it. */
  const missingSinceMs = new Map<string, number>()

  const findOlder = ({ loaded, beganMs }: ConfigArrival<T>): ConfigFault[] => {
    const faults: ConfigFault[] = []
    for (const [uri, seen] of floors) {
      const version = Object.hasOwn(loaded.versions, uri) ? loaded.versions[uri] : undefined
      if (version === undefined) {
        const sinceMs = missingSinceMs.get(uri) ?? beganMs
        missingSinceMs.set(uri, sinceMs)
        if (beganMs - sinceMs < removedAfterMs) {
          faults.push({ path: '', reason: `version ${seen} is missing`, origin: { uri } })
        }
      } else {
        missingSinceMs.delete(uri)
        if (version < seen) {
          const reason = `version ${version} is before ${seen}`
          faults.push({ path: '', reason, origin: { uri, version } })
        }
      }
    }
    return faults
  }

  return {
    held: () => held,
    take(arrival) {
      const { loaded, order, beganMs } = arrival
      if (held && order < held.order) return { status: 'superseded' }
      const faults = findOlder(arrival)
      const [first] = faults
      if (first) {
        const message = `Cannot take configuration: wanted what is no older than the one in use, received one in which ${first.reason} (${first.origin?.uri})`
        const error = new ConfigError(message, { code: 'outdated', operation: 'refresh', faults })
        return { status: 'outdated', error }
      }
      const older = held
      const isSame = older?.loaded.fingerprint === loaded.fingerprint
      // Before anything is taken: what cannot be compared is not taken either.
      const differences = older && !isSame ? loaded.diffFrom(older.loaded) : []
      floors.clear()
      missingSinceMs.clear()
      for (const [uri, version] of Object.entries(loaded.versions)) floors.set(uri, version)
      held = {
        value: older && isSame ? older.value : loaded.value,
        loaded,
        order,
        loadedAtMs: older && isSame ? older.loadedAtMs : beganMs,
        checkedAtMs: beganMs,
      }
      if (!older) return { status: 'first' }
      return isSame
        ? { status: 'unchanged' }
        : { status: 'changed', before: older.value, differences }
    },
  }
}
