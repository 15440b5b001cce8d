import type { SessionRecord } from './session-record.ts'

/** One of a session's tokens, by its hash. A session has several after a rotation. */
export interface SessionToken {
  readonly hash: string
  /** The token that it was rotated from, as long as this one was not used. */
  readonly unusedSuccessorOf?: string
  /** Set by its rotation: the end of its grace. */
  readonly validUntilMs?: number
  /** A token rotated from it was used: after the grace it is a sign of theft. */
  readonly hasUsedSuccessor?: boolean
  /** Not accepted after its grace, also where no token rotated from it was used. */
  readonly isFinal?: boolean
  /** Not accepted, because the session has too many others. */
  readonly isPushedOut?: boolean
}

interface KeptRow {
  readonly id: string
  /** The latest time that the authority had seen when it wrote the row, in epoch ms. */
  readonly seenMs: number
  /** From when on the row says nothing that matters, in epoch ms. */
  readonly forgetAtMs: number
}

export interface LiveSessionRow extends KeptRow {
  readonly record: SessionRecord
  /** The oldest first. */
  readonly tokens: readonly SessionToken[]
}

/** A session that was ended before its time: what tells `revoked` from `unknown`. */
interface EndedSessionRow extends KeptRow {
  readonly record: null
  readonly reason: 'revoked' | 'reused'
  readonly tokenHashes: readonly string[]
}

export type SessionRow = LiveSessionRow | EndedSessionRow

/** What an authority keeps beside the sessions. Plain JSON. */
export interface SessionUserRow {
  readonly seenMs: number
  /** An epoch of at most so much was asked for before all sessions were revoked. `null`: they never were, or long ago. */
  readonly revokedEpochMs: number | null
  readonly banned: boolean
  /** The epoch of everyone. 0 in the objects of users. */
  readonly everyoneEpoch: number
}

/**
 * Where an authority keeps its rows. Synchronous, so that nothing comes between deciding and writing. It is read once, when the
 * authority starts: nobody else may write to it.
 */
export interface SessionStorage {
  loadUser(): SessionUserRow | undefined
  saveUser(row: SessionUserRow): void
  deleteUser(): void
  loadSessions(): readonly SessionRow[]
  saveSession(row: SessionRow): void
  deleteSession(id: string): void
}
