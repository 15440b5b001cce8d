import type {
  AcquireReply,
  AcquireRequest,
  AuthorityChange,
  AuthorityNamespace,
  CheckAllRequest,
} from '../../src/lib/rate-limiter/authority-protocol.ts'

/** A request that waits until the test answers it. */
export interface PendingAcquire {
  readonly shard: string
  readonly request: AcquireRequest
  /** Admits all that wait and leases nothing, but for what is said otherwise. */
  reply(reply?: Partial<AcquireReply>): Promise<void>
  fail(error: unknown): Promise<void>
}

/** An authority that says what the test says, when the test says it. */
export class ScriptedAuthority implements AuthorityNamespace {
  readonly acquires: PendingAcquire[] = []
  readonly changes: AuthorityChange[] = []
  readonly checkAlls: (readonly CheckAllRequest[])[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** The last request. */
  get last(): PendingAcquire {
    const last = this.acquires.at(-1)
    if (last === undefined) throw new Error('Cannot answer: nothing was asked')
    return last
  }

  toReply(verdicts: readonly boolean[], reply: Partial<AcquireReply> = {}): AcquireReply {
    return {
      verdicts,
      lease: 0,
      ttlMs: 60_000,
      available: 0,
      retryAfterMs: 0,
      resetInMs: 60_000,
      limit: 100,
      safeShare: 5,
      epoch: 0,
      blockedMs: 0,
      nowMs: this.#now(),
      ...reply,
    }
  }

  getByName(shard: string): ReturnType<AuthorityNamespace['getByName']> {
    return {
      acquire: (request) =>
        new Promise((resolve, reject) => {
          this.acquires.push({
            shard,
            request,
            reply: (reply) => {
              resolve(
                this.toReply(
                  request.costs.map(() => true),
                  reply,
                ),
              )
              return settled()
            },
            fail: (error) => {
              // What a call rejects with need not be an Error.
              // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
              reject(error)
              return settled()
            },
          })
        }),
      checkAll: (requests) => {
        this.checkAlls.push(requests)
        return Promise.resolve(requests.map(() => this.toReply([true], { available: 7 })))
      },
      getStatus: (_key, { limit }) =>
        Promise.resolve({ limit, used: 3, remaining: limit - 3, resetAt: this.#now() + 1000 }),
      change: (change) => {
        this.changes.push(change)
        return Promise.resolve(true)
      },
    }
  }
}

/** Lets everything go on that waits for nothing but promises. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve()
}
