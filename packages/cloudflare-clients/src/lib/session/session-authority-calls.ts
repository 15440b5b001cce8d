import type { SessionRecord } from './session-record.ts'

/** Why a token is refused. Each is final: no later call accepts the token again. */
export type SessionRefusal =
  /** Past its absolute timeout. */
  | 'expired'
  /** Not seen for its idle timeout. */
  | 'idle'
  /** Signed out, here or from elsewhere. */
  | 'revoked'
  /** A rotated token, used after its grace while its successor was in use: the whole session was ended for it. */
  | 'reused'
  /** A rotated token after its grace, where that was 0 or the session has more than 4 tokens. */
  | 'rotated'
  /** Never issued, or forgotten because it would have expired. */
  | 'unknown'

/** What is changed of a session. Absent fields stay. `data` is replaced as a whole; `null` takes `email` away. */
export interface SessionPatch {
  readonly email?: string | null
  readonly roles?: readonly string[]
  readonly data?: unknown
}

export interface CreateSessionRequest {
  readonly tokenHash: string
  readonly record: SessionRecord
  /** What {@link SessionAuthorityCalls.getEpoch} said before the credentials were checked. Refused where it moved since. */
  readonly epoch?: number | undefined
  /** The hash of a token to revoke in the same step: what the browser was signed in with before. */
  readonly replaces?: string | undefined
}

export type CreateSessionReply =
  /** `replaced`: the hashes of all tokens that ended for it, to take their copies out of KV. */
  | { readonly ok: true; readonly replaced: readonly string[] }
  /** `epoch_moved`: all sessions were revoked since the epoch was asked for, or that was more than a day ago. */
  | { readonly ok: false; readonly reason: 'epoch_moved' | 'banned' }

export interface CheckSessionRequest {
  readonly tokenHash: string
  /** The version that the caller has: the reply then carries the record only where it differs. */
  readonly knownVersion?: number | undefined
  /** Counts as seen: prolongs the idle timeout, once per renewal fraction of it. */
  readonly touch: boolean
  /** Of the idle timeout, above 0 to 1, that passes between two renewals. */
  readonly renewalFraction: number
  /** Renew now, whatever the fraction. */
  readonly force?: boolean | undefined
}

export type SessionReply =
  | {
      readonly ok: true
      readonly version: number
      /** Until when this token is accepted, in epoch ms. Absent: as long as the session lives. */
      readonly validUntilMs?: number
      /** Absent: the caller knows it. */
      readonly record?: SessionRecord
    }
  | { readonly ok: false; readonly reason: SessionRefusal }

export interface RotateSessionRequest {
  readonly tokenHash: string
  readonly newTokenHash: string
  /** How long the older token is still accepted, in ms from 0. */
  readonly graceMs: number
  /** The user has just proved who they are. */
  readonly authenticatedAtMs?: number | undefined
  readonly patch?: SessionPatch | undefined
}

export type RevokeTarget =
  | {
      readonly tokenHash: string
      /** Where the token is not listed, or is over: under which id it is refused from now on, and until when. */
      readonly ifUnknown?: { readonly id: string; readonly forgetAtMs: number } | undefined
    }
  | { readonly sessionId: string }
  | {
      readonly all: true
      readonly exceptTokenHash?: string | undefined
      readonly exceptSessionId?: string | undefined
    }

export interface RevokeReply {
  /** How many sessions ended. 0: none was there, which is no failure. */
  readonly count: number
  /** The hashes of all their tokens, to take their copies out of KV. Also of a session that was named and had ended before. */
  readonly tokenHashes: readonly string[]
}

/** What an account page may show. Nothing of it can be used as a session. */
export interface SessionSummary {
  readonly id: string
  readonly createdAtMs: number
  readonly authenticatedAtMs: number
  readonly lastSeenAtMs: number
  readonly expiresAtMs: number
  readonly device?: string
  readonly ipPrefix?: string
  /** Whether it is the session of the token that was given. */
  readonly current: boolean
}

/** One user's authority, as it is called over RPC. Each call decides in one step; none of them retries. */
export interface SessionAuthorityCalls {
  create(request: CreateSessionRequest): Promise<CreateSessionReply>
  check(request: CheckSessionRequest): Promise<SessionReply>
  rotate(request: RotateSessionRequest): Promise<SessionReply>
  /** Changes one session, or with `all` every session of the user: such as after a new role. Replies for the first. */
  update(target: RevokeTarget, patch: SessionPatch): Promise<SessionReply>
  /** A revocation of all but one, and of all, moves the epoch. */
  revoke(target: RevokeTarget): Promise<RevokeReply>
  list(currentTokenHash?: string): Promise<readonly SessionSummary[]>
  /** Grows with the time: compare it with nothing, only hand it to `create`. */
  getEpoch(): Promise<number>
  /** Ends all sessions and refuses new ones until it is lifted. */
  setBan(banned: boolean): Promise<RevokeReply>
  /** The epoch of everyone, in the objects named for it. */
  getEveryoneEpoch(): Promise<number>
  raiseEveryoneEpoch(toAtLeast: number): Promise<number>
}

/** The binding of `SessionObject`, or anything that reaches an authority by name. */
export interface SessionAuthorityNamespace {
  getByName(name: string): SessionAuthorityCalls
}
