import type { EventReporter } from '../shared/client-event.ts'
import type { Timers } from '../shared/timers.ts'
import type {
  SessionAuthorityNamespace,
  SessionPatch,
  SessionRefusal,
} from './session-authority-calls.ts'
import type { SessionRecord } from './session-record.ts'

/** How old what a session is judged by may be. See `docs/sessions.md`. */
export type SessionFreshness =
  /** The authority is asked: what was revoked before is refused. */
  | 'strict'
  /** The authority has confirmed it at most so many seconds ago, from 1 to 86,400. */
  | { readonly boundedSeconds: number }
  /** A copy will do that the authority confirmed at most `edgeSeconds` ago. */
  | 'edge'

/** What a call does when the authority does not answer. */
export type SessionUnavailablePolicy =
  /** Rejects with a `SessionError` of code `unavailable`: answer 503, never "signed out". */
  | 'closed'
  /** Takes the youngest copy, if it was confirmed at most so many seconds ago. Otherwise as `closed`. */
  | { readonly openWithinSeconds: number }

export interface SessionStoreOptions {
  /** The binding of `SessionObject`. Without it KV alone decides, with the weaker guarantees that `SessionStore` names. */
  readonly authority?: SessionAuthorityNamespace
  /**
   * What tokens are signed with, each of 32 characters at least: the first signs, all verify. Rotate by putting a new one
   * first, and drop the old one when its tokens have expired. Without it, forged tokens cost a read before they are refused.
   */
  readonly secrets?: readonly string[]
  /** The default of `validate` and `get`. Default `{ boundedSeconds: 60 }`, and `edge` without an authority. */
  readonly freshness?: SessionFreshness
  /** Default: `closed` for strict, `{ openWithinSeconds: 900 }` otherwise. */
  readonly onUnavailable?: SessionUnavailablePolicy
  /** The end of a session however much it is used, in seconds from 60. Default 30 days. */
  readonly absoluteTimeoutSeconds?: number
  /** The end of a session that is not used, in seconds from 60. Default 7 days. */
  readonly idleTimeoutSeconds?: number
  /** The same two without `remember`. Default 1 day, and 8 hours. */
  readonly unremembered?: {
    readonly absoluteTimeoutSeconds?: number
    readonly idleTimeoutSeconds?: number
  }
  /** The fraction of the idle timeout between two renewals, above 0 to 1. Default 0.1: an idle timeout comes up to a tenth early. */
  readonly renewalFraction?: number
  /** How old a confirmation `edge` takes, in seconds from 60. Default 3,600. */
  readonly edgeSeconds?: number
  /** How long a rotated token is still accepted, in seconds from 0 to 3,600. Default 60. */
  readonly graceSeconds?: number
  /** How long an isolate holds the epoch of everyone, in seconds from 1 to 60. Default 5. */
  readonly everyoneSeconds?: number
  /** Sessions that an isolate keeps, the least recently used go first, from 0. Default 10,000. */
  readonly memoryEntries?: number
  /** How long to wait for the authority, in ms from 1. Default 2,000. */
  readonly timeoutMs?: number
  readonly cookie?: SessionCookieOptions
  readonly now?: () => number
  /** Default `crypto.getRandomValues`. */
  readonly random?: (bytes: Uint8Array) => Uint8Array
  readonly timers?: Timers
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Told of stores that failed. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /** Told what happened to sessions. No token and no session id is in it. Default: nobody. */
  readonly onAudit?: (event: SessionAuditEvent) => void
}

export interface SessionCookieOptions {
  /** Without prefix. Default `session`. */
  readonly name?: string
  /** `false` only for development over plain HTTP: the name then has no `__Host-` prefix. Default `true`. */
  readonly secure?: boolean
  /** Default `lax`. */
  readonly sameSite?: 'lax' | 'strict'
}

export interface CreateSessionOptions<Data = unknown> {
  readonly email?: string
  readonly roles?: readonly string[]
  /** The caller's own, plain JSON of at most 16 KiB. */
  readonly data?: Data
  /** Whether the session outlives the browser, and has the longer timeouts. Default `true`. */
  readonly remember?: boolean
  /** Such as the `User-Agent` header. It is cut to 256 characters. */
  readonly userAgent?: string
  /** Its network is kept (`/24`, `/48`), not the address. */
  readonly ip?: string
  /** What `getEpoch` said before the credentials were checked: refused if all sessions were ended since. */
  readonly epoch?: number
  /** A token that the browser holds so far: its session ends in the same step. */
  readonly replaces?: string
}

/** A session as an application sees it. */
export interface Session<Data = unknown> extends Pick<
  SessionRecord,
  | 'id'
  | 'userId'
  | 'createdAtMs'
  | 'authenticatedAtMs'
  | 'lastSeenAtMs'
  | 'expiresAtMs'
  | 'remember'
  | 'device'
  | 'ipPrefix'
  | 'email'
  | 'roles'
> {
  readonly data: Data
}

export interface ValidateOptions {
  readonly freshness?: SessionFreshness
  readonly onUnavailable?: SessionUnavailablePolicy
  /** The request's Cookie header, for the sealed copy in it. */
  readonly cookieHeader?: string | null
  /** Refuses with `reauthentication_required` where the user proved who they are longer ago. In seconds. */
  readonly authenticatedWithinSeconds?: number
}

export type SessionSource = 'token' | 'memory' | 'sealed-copy' | 'kv' | 'authority'

interface Judgement {
  /** What decided. `token`: its form or its signature, and nothing was asked. */
  readonly source: SessionSource
  /** How long ago the authority said so, in ms. */
  readonly ageMs: number
  /** A revocation that returned longer ago than this is seen, in ms. `null`: nothing is promised, as with KV alone. */
  readonly boundMs: number | null
}

export type SessionValidation<Data = unknown> =
  | ({ readonly ok: true; readonly session: Session<Data> } & Judgement)
  | ({
      readonly ok: false
      readonly reason: 'missing' | 'malformed' | 'forged' | SessionRefusal
    } & Judgement)
  | ({
      readonly ok: false
      readonly reason: 'reauthentication_required'
      readonly session: Session<Data>
    } & Judgement)

export interface RotateOptions extends SessionPatch {
  /** Default the store's. */
  readonly graceSeconds?: number
  /** The user has just proved who they are: `authenticatedAtMs` becomes now. Default `false`. */
  readonly reauthenticated?: boolean
}

/** What happened to a session: for an audit log. */
export interface SessionAuditEvent {
  readonly type:
    | 'created'
    | 'rotated'
    | 'updated'
    | 'destroyed'
    | 'reused'
    | 'banned'
    | 'unbanned'
    | 'everyone_destroyed'
  readonly atMs: number
  readonly userId?: string
  /** How many sessions ended. */
  readonly count?: number
}
