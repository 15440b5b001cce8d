/** Where a client finds the API, and with what time it waits. */
interface KVClientTarget {
  readonly url: string
  readonly accountId: string
  readonly apiToken: string
  readonly namespaceId: string
  /** For all of a call, where the client has such a limit. */
  readonly deadlineMs: number
  /** For clients that take a clock. The others get the globals of a virtual one. */
  readonly now: () => number
  readonly timers: {
    setTimeout(callback: () => void, delayMs: number): unknown
    clearTimeout(timer: unknown): void
  }
  /** The most requests that are sent in 5 minutes, where the client keeps to a limit. */
  readonly requestsPer5Minutes: number
}

/** What is read back. Missing: `null`. */
interface ReadBack {
  readonly bytes: Uint8Array | null
  readonly metadata: unknown
}

/** A client of KV's REST API, used as its documentation says. */
export interface KVClient {
  put(key: string, value: string | Uint8Array, metadata?: unknown): Promise<void>
  get(key: string): Promise<ReadBack>
  /** The value alone, as text. */
  getText(key: string): Promise<string | null>
  /** @returns The keys that were not written. A rejection is all of them. `undefined`: there is no such call. */
  readonly putMany?: (
    entries: readonly { readonly key: string; readonly value: string }[],
  ) => Promise<readonly string[]>
}

export interface KVClientUnderTest {
  readonly id: string
  readonly hasMetadata: boolean
  open(target: KVClientTarget): KVClient
}
