/** What every library caches here: a value with its own history, so that a reader can tell how old it is. */
export interface Item {
  readonly id: string
  /** Grows by one with every change at the origin. */
  readonly version: number
  /** When the origin was asked for it, in epoch milliseconds. */
  readonly loadedAtMs: number
  readonly title: string
  readonly body: string
}

/** The clock of the simulation, for libraries that take one; the others get theirs from the globals. */
interface SettingClock {
  readonly now: () => number
  readonly random: () => number
  readonly timers: {
    setTimeout(callback: () => void, delayMs: number): unknown
    clearTimeout(timer: unknown): void
  }
}

/** What one isolate's cache is made of: the same for every library. */
export interface CacheSetting {
  readonly kv: KVNamespace
  readonly load: (id: string) => Promise<Item>
  readonly waitUntil: (work: Promise<unknown>) => void
  /** How long a value is served without asking the origin, in seconds. */
  readonly freshSeconds: number
  /** How much longer it may be served while it is refreshed, in seconds. */
  readonly staleSeconds: number
  /** Whether a library that has a memory tier uses it. */
  readonly memory: boolean
  /** The tags that guard an item. Without it, nothing is tagged. */
  readonly tags?: (id: string) => readonly string[]
  readonly clock?: SettingClock
}

/** One library inside one isolate. A call that is missing is one the library does not have. */
export interface CacheUnderTest {
  get(id: string): Promise<Item | null>
  /** Only where the library itself reads many keys. */
  getMany?(ids: readonly string[]): Promise<ReadonlyMap<string, Item | null>>
  /** Stores what was just written at the origin. */
  put(id: string, item: Item): Promise<unknown>
  expireTags?(tags: readonly string[]): Promise<unknown>
}

export interface CacheLibrary {
  /** File name in this folder, and the name in the tables. */
  readonly id: string
  /** The npm packages it is made of, in the versions of package.json. */
  readonly packages: readonly string[]
  readonly hasMemoryTier: boolean
  readonly servesStale: boolean
  readonly hasTags: boolean
  /** Oldest age at which it promises to serve a value while the origin answers, in seconds. */
  ageBoundSeconds(setting: Pick<CacheSetting, 'freshSeconds' | 'staleSeconds'>): number
  create(setting: CacheSetting): CacheUnderTest
}

/** The bound of a library that serves stale values while it refreshes them. */
export function freshPlusStale(
  setting: Pick<CacheSetting, 'freshSeconds' | 'staleSeconds'>,
): number {
  return setting.freshSeconds + setting.staleSeconds
}

/** The bound of a library that serves nothing past its time to live. */
export function freshOnly(setting: Pick<CacheSetting, 'freshSeconds'>): number {
  return setting.freshSeconds
}

/** The TTL that KV takes for a lifetime: whole seconds, at least 60. */
export function expirationTtl(seconds: number): number {
  return Math.max(60, Math.ceil(seconds))
}
