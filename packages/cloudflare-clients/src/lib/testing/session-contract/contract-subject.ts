/** A session as the isolate under test gives it. */
export interface ContractSession {
  readonly userId: string
  /** The same through rotations, and what `list` gives. Not the token. */
  readonly id?: string
  readonly data?: unknown
}

export interface ContractSignIn {
  /** Plain JSON. */
  readonly data?: unknown
  /** A token of the same user that the browser holds so far. Its session ends. */
  readonly replaces?: string
  /** To be awaited where credentials are checked: after the sign-in has begun, before its session is there. */
  readonly checkCredentials?: () => Promise<void>
}

/**
 * The implementation under test, as one isolate in one location has it: with a memory of its own. A call that rejects has an unknown
 * outcome. What an implementation does not offer is left out here, and named in `without`.
 */
export interface ContractIsolate {
  /** @returns The token, as the browser sends it. */
  signIn(userId: string, options: ContractSignIn): Promise<string>
  /** @returns The session, or `null` where the token is refused. A store that fails is a rejection, never `null`. */
  validate(token: string | null): Promise<ContractSession | null>
  /** Signs out. Where there is no such session it does nothing. */
  destroy(token: string): Promise<unknown>
  /** Ends all sessions of a user. */
  destroyAll?(userId: string): Promise<unknown>
  /** Ends all sessions of a user but the one of this token. */
  destroyOthers?(userId: string, exceptToken: string): Promise<unknown>
  /** Replaces the data. @returns Whether there is such a session. */
  update?(token: string, data: unknown): Promise<boolean>
  /** Renews the idle timeout now. @returns Whether there is such a session. */
  refresh?(token: string): Promise<boolean>
  /** @returns The new token, or `null` where there is no such session. */
  rotate?(token: string): Promise<string | null>
  /** @returns The `id` of each session of a user. */
  list?(userId: string): Promise<readonly string[]>
}

/** A key of a store, and what is stored there. */
export interface StoredText {
  readonly key: string
  readonly value: string
}

export interface HeldWrites {
  /** Resolves when a write waits. */
  readonly reached: Promise<void>
  /** Lets those that wait go on, and all later ones. */
  release(): void
}

/** Everything around the isolates in one case. Each case has a world of its own. */
export interface ContractWorld {
  /** Two at least. */
  readonly locations: readonly string[]
  /** A new isolate, which remembers nothing, of the one deployment that all share. */
  openIsolate(location: string): ContractIsolate | Promise<ContractIsolate>
  /** The clock of everything in the world, in epoch ms. */
  now(): number
  /** Moves it. */
  advance(ms: number): Promise<void>
  /** Runs a call while a virtual clock moves by itself, for calls that wait for timers. Default: just runs it. */
  run?<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when background work is done. Default: there is none. */
  settle?(): Promise<void>
  /** All that is stored, for tokens in it. */
  dump?(): Promise<readonly StoredText[]>
  /** Writes to stores until now. */
  countWrites?(): number
  /** Makes writes from one location wait, as those of a slow request. */
  holdWrites?(location: string): HeldWrites
  /** Makes every store fail. @returns Ends it. */
  failStores?(): () => void
  /** Sets the clocks of the isolates back, and not that of their stores. */
  turnBack?(ms: number): void
  /** Called after the case, also where it failed. */
  close?(): unknown
}

/**
 * What the implementation promises. The cases hold it to that, at the boundary; what is left out is not promised, and its cases are
 * listed as not supported. In ms. Set timeouts that are several times as long as the bounds, and some minutes, because cases let those pass.
 */
export interface SessionGuarantees {
  /** A session is refused everywhere when its end returned longer ago than this. 0: at once. */
  readonly revocationBoundMs?: number
  /** A session is accepted everywhere when its sign-in returned this long ago. 0: at once. */
  readonly signInBoundMs?: number
  /** A change is seen everywhere when it returned longer ago than this. 0: at once. */
  readonly updateBoundMs?: number
  /** `list` is exact when nothing was changed for this long. 0: at once. */
  readonly listBoundMs?: number
  /** How long a rotated token is still accepted. After that, and `revocationBoundMs`, it is refused where the new one is in use. */
  readonly graceMs?: number
  /** The end of a session that is not used: it is accepted before, and refused from then on. */
  readonly idleTimeoutMs?: number
  /** The end of a session however much it is used: it is accepted before, and refused from then on. */
  readonly absoluteTimeoutMs?: number
  /** The fraction of the idle timeout between two renewals, above 0 to 1: there is at most one write in each. */
  readonly renewalFraction?: number
  /** How much before a timeout the session may end. Default 1. */
  readonly precisionMs?: number
}

/** What a case may need, and an implementation or a world may be without. */
export type ContractFeature =
  | Exclude<keyof ContractIsolate, 'signIn' | 'validate' | 'destroy'>
  | 'data'
  /** That a write which comes late, as of a slow request, does not bring back what has ended. */
  | 'lateWrites'
  | 'replaces'
  | 'checkCredentials'
  | 'dump'
  | 'countWrites'
  | 'holdWrites'
  | 'failStores'
  | 'turnBack'

export type ContractNeed = ContractFeature | Exclude<keyof SessionGuarantees, 'precisionMs'>
