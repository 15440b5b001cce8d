/** A session as every place that holds one has it: the authority, KV, memory and the sealed copy. It holds no token and no hash of one. */
export interface SessionRecord {
  /** Random, the same through rotations. Not a credential, and not for logs. */
  readonly id: string
  readonly userId: string
  /** Grows with each change. Of two records of one session the higher is the newer. */
  readonly version: number
  readonly createdAtMs: number
  /** When the user last proved who they are. */
  readonly authenticatedAtMs: number
  /** Exact to the renewal fraction. */
  readonly lastSeenAtMs: number
  /** The end whatever happens. */
  readonly expiresAtMs: number
  /** The end when nothing is seen for so long. */
  readonly idleTimeoutMs: number
  /** Whether the cookie outlives the browser. */
  readonly remember: boolean
  /** A short text such as a user agent, at most 256 characters. */
  readonly device?: string
  /** `/24` of an IPv4, `/48` of an IPv6. */
  readonly ipPrefix?: string
  /** The epoch of everyone that it was made in. */
  readonly everyoneEpoch: number
  readonly email?: string
  readonly roles: readonly string[]
  /** The caller's, plain JSON. */
  readonly data: unknown
}

/** When a session ends if nothing else is seen of it: the earlier of its two timeouts. */
export function endOf({ lastSeenAtMs, idleTimeoutMs, expiresAtMs }: SessionRecord): number {
  return Math.min(expiresAtMs, lastSeenAtMs + idleTimeoutMs)
}
