/** A part of a value, as it is stored: nothing in it can be read without the secret. */
export interface SealedPart {
  readonly sealed: Uint8Array
  /** When what is in it was last changed, in epoch ms. An older one does not take its place. `null`: each takes the place of the last. */
  readonly changedAtMs: number | null
}

export interface PutValueRequest {
  /** A session comes in two, itself and its user, because each changes without the other. */
  readonly parts: readonly SealedPart[]
  /** `null`: until it is deleted. */
  readonly ttlMs: number | null
  /** The object that lists it. Only what has one is refused after its deletion. */
  readonly owner?: string | undefined
}

export type StoredValue =
  | { readonly type: 'value'; readonly parts: readonly Uint8Array[] }
  | { readonly type: 'count'; readonly count: number }

/** One entry in the list of a user’s sessions. */
export interface SessionMember {
  /** The hash of its key. */
  readonly id: string
  readonly sealed: Uint8Array
  readonly expiresAtMs: number
}

type Awaitable<T> = T | Promise<T>

/** One key, or the list of one user, as it is called over RPC. Each call decides in one step. */
export interface SecondaryStorageCalls {
  get(): Awaitable<StoredValue | null>
  /** `false`: refused, because the session was deleted. */
  put(request: PutValueRequest): Awaitable<boolean>
  /** The value, and its deletion, in one step. `owner` is of a session, also where it was deleted before. */
  take(options: {
    readonly keepEnded: boolean
  }): Awaitable<{ readonly value: StoredValue | null; readonly owner?: string }>
  /** The count after it, or `null` where the key holds a value. */
  increment(ttlMs: number): Awaitable<number | null>
  /** Adds those that have not ended. `false`: at least one has. */
  addMembers(members: readonly SessionMember[]): Awaitable<boolean>
  removeMember(id: string): Awaitable<void>
  listMembers(): Awaitable<readonly Pick<SessionMember, 'sealed' | 'expiresAtMs'>[]>
}

/** The binding of `SecondaryStorageObject`, or anything that reaches such objects by name. */
export interface SecondaryStorageNamespace {
  getByName(name: string): SecondaryStorageCalls
}
