/** A cache bounded by entries, with an eviction policy: what `MemoryTier` is without its bytes. */
export interface Policy {
  readonly size: number
  get(key: string): number | undefined
  set(key: string, value: number): void
}

export interface NamedPolicy {
  readonly name: string
  /** The module that holds the policy and what only it needs, for its size. */
  readonly file: string
  readonly create: (maxEntries: number) => Policy
}
