import type { VirtualClock } from '../virtual-clock.ts'

/** How recent what a view is judged by has to be, for systems that let their caller choose. */
export type ViewFreshness = 'strict' | 'bounded' | 'edge'

/** What every system is asked to keep. */
export interface SessionPolicy {
  readonly idleSeconds: number
  readonly absoluteSeconds: number
  /** Of the idle timeout, that may pass between two renewals. */
  readonly renewalFraction: number
  /** How long a rotated token is still accepted. */
  readonly graceSeconds: number
  readonly boundedSeconds: number
  readonly edgeSeconds: number
  /** What a view may fall back to where the authority does not answer. `null`: to nothing. */
  readonly openWithinSeconds: number | null
}

export interface ViewOutcome {
  readonly accepted: boolean
  /** Whose session it is. */
  readonly userId?: string
  /** Why not. */
  readonly reason?: string
  /** The system says that no later view of the same token is accepted. */
  readonly isFinal?: boolean
  /** A revocation that returned longer ago than this is seen. `null`: nothing is promised. */
  readonly boundMs: number | null
  /** Whether the one who decides saw the token. */
  readonly wasSeen?: boolean
  readonly setCookies: readonly string[]
}

export interface SignInOutcome {
  readonly setCookies: readonly string[]
  /** What must not be found in any store, event or message: each of them lets its holder in. */
  readonly bearers: readonly string[]
  /** Whether the session of the cookies that were sent has ended in the same step. */
  readonly replaced?: boolean
}

/**
 * Sessions as one isolate of a Worker offers them. Each call is one request, with the cookies of its browser. A call that
 * rejects has an unknown outcome. What a system does not offer it leaves out.
 */
export interface SessionIsolate {
  /** @param checkPassword - To be awaited where credentials are checked: after a sign-in has begun, before its session is there. */
  signIn(
    userId: string,
    request: { readonly cookies: string; readonly checkPassword: () => Promise<void> },
  ): Promise<SignInOutcome>
  view(cookies: string, freshness: ViewFreshness): Promise<ViewOutcome>
  /** Stores something in the session after `work`, which takes a while: the slow request that began before. */
  change?(cookies: string, work: () => Promise<void>): Promise<ChangeOutcome>
  refresh?(cookies: string): Promise<ChangeOutcome>
  rotate?(cookies: string): Promise<ChangeOutcome & { readonly bearers?: readonly string[] }>
  signOut(cookies: string): Promise<void>
  /** Ends the session of other cookies of the same user, as an account page does. */
  signOutDevice?(
    cookies: string,
    of: { readonly userId: string; readonly cookies: string },
  ): Promise<void>
  signOutOthers?(cookies: string, userId: string): Promise<void>
  signOutAll?(userId: string): Promise<void>
  ban?(userId: string): Promise<void>
  unban?(userId: string): Promise<void>
  /** Ends the sessions of all users. */
  signOutEveryone?(): Promise<void>
}

export interface ChangeOutcome {
  /** `false`: there is no such session. */
  readonly ok: boolean
  readonly setCookies: readonly string[]
}

export interface IsolatePlace {
  /** No two have the same. */
  readonly name: string
  readonly location: string
  readonly kv: KVNamespace
}

/** Everything around the isolates in one run. */
export interface SessionWorld {
  readonly clock: VirtualClock
  readonly policy: SessionPolicy
  /** Draws of its own for each name, the same in every run. */
  random(name: string): () => number
  /**
   * One request from a location to the one place of an authority, and its answer: copies of what is said, after a while, or not
   * at all.
   */
  callAuthority<Reply>(location: string, work: () => Reply): Promise<Awaited<Reply>>
  /** What a request leaves behind. A rejection of it is a violation. */
  waitUntil(work: Promise<unknown>): void
  /** What the system tells of itself, to be searched for bearers. */
  onEvent(event: unknown): void
}

/** A way to keep sessions, with whatever its isolates share. */
export interface OpenSessionSystem {
  openIsolate(place: IsolatePlace): SessionIsolate
  /** Loses what authorities have in memory, and not what they stored. */
  restartAuthorities?(): void
}

export interface SessionSystem {
  readonly name: string
  /** Whether a refusal means that no later view is accepted. Default `false`. */
  readonly refusalsAreFinal?: boolean
  /** Whether a rotated token is accepted for the grace of the policy. Default `false`: not at all. */
  readonly keepsGrace?: boolean
  /** Whether an error says that nobody can know now. Default: every error does. */
  isUnavailable?(error: unknown): boolean
  open(world: SessionWorld): OpenSessionSystem
}
