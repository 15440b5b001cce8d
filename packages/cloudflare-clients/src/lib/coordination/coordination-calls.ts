/** Asks for one of the permits that an object gives out. */
export interface PermitRequest {
  /** Of the permit, and the holder's secret: random, and known to its holder alone. Asked again, it gets the same permit. */
  readonly id: string
  /** How many permits may be out at once. */
  readonly limit: number
  readonly ttlMs: number
  /** How long to stand in line. `0`: not at all. */
  readonly waitMs: number
}

/** What the work came to that one did for all who ask. */
export interface SharedResult {
  /** Absent where it was `undefined`. */
  readonly json?: string
}

export type PermitReply =
  | {
      /** An offer is for one who stood in line, and may be gone: it ends soon, unless it is renewed. */
      readonly status: 'granted' | 'offered'
      readonly fencingToken: number
      /** How long it holds, counted from when its request arrived. */
      readonly expiresInMs: number
    }
  | { readonly status: 'refused'; readonly reason: 'busy' | 'line_full' | 'timed_out' }
  | { readonly status: 'settled'; readonly result: SharedResult }

export interface RenewRequest {
  readonly id: string
  readonly ttlMs: number
}

/** Ends a permit with a result for everybody who asks within `resultTtlMs`, and for all who stand in line. */
export interface SettleRequest {
  readonly id: string
  readonly result: SharedResult
  readonly resultTtlMs: number
}

export interface PermitStatus {
  /** How many permits are out. */
  readonly held: number
  /** How many stand in line. */
  readonly waiting: number
}

/** What one isolate counted: in all, so that each report has in it what a lost one said. */
export interface CountReport {
  readonly holder: string
  /** Grows with every report of a holder. One that is not above the last says nothing new. */
  readonly seq: number
  readonly total: number
  /** How much of the total an object has answered for. */
  readonly confirmed: number
}

/** What a `CoordinationObject` answers. */
export interface CoordinationCalls {
  acquire(request: PermitRequest): Promise<PermitReply>
  /** @returns How long it holds from when this arrived, or `null` where the permit is not held any more. */
  renew(request: RenewRequest): Promise<number | null>
  /** @returns Whether the permit was held, or stood in line. */
  release(id: string): Promise<boolean>
  /** @returns Whether the permit was held, and so the result kept. */
  settle(request: SettleRequest): Promise<boolean>
  getStatus(): Promise<PermitStatus>
  count(report: CountReport): Promise<void>
  getTotal(): Promise<number>
  resetTotal(): Promise<void>
}

/** What the clients take: a Durable Object binding of `CoordinationObject`, or anything that reaches its calls by name. */
export interface CoordinationNamespace {
  getByName(name: string): CoordinationCalls
}
