import type { SessionPolicy, ViewFreshness, ViewOutcome } from './session-system.ts'

export type SessionViolationType =
  /** Accepted longer after a revocation than the result says. */
  | 'late-accept'
  /** Accepted again after a refusal that is final. */
  | 'resurrection'
  /** Accepted past a timeout. */
  | 'expired-accept'
  /** A rotated token that is accepted for longer than its grace. */
  | 'rotated-accept'
  /** A change, a refresh or a rotation of a session that had ended. */
  | 'late-change'
  /** Refused, though its session lives and nobody failed. */
  | 'live-refused'
  /** Live after all is quiet, and refused. */
  | 'lost'
  /** A revocation of all that was over, and a session of the user is accepted for good. */
  | 'missed'
  | 'banned-sign-in'
  /** The result promises another bound than was asked for. */
  | 'wrong-bound'
  | 'wrong-user'
  /** An error that does not say that something is unavailable. */
  | 'unexpected-error'

export interface SessionViolation {
  readonly type: SessionViolationType
  readonly what: string
}

/** When a request began and when it was over, in time and in order. */
export interface RequestInterval {
  readonly startMs: number
  readonly startTurn: number
  endMs: number
  endTurn: number
  /** When it failed. It may still be on its way. */
  failedMs?: number
}

interface Ending {
  readonly request: RequestInterval
  readonly name: string
  /** It can have ended it only if it was not over before, in epoch ms. */
  readonly fromMs: () => number
  /** It ends the session as soon as it has returned. */
  isCertain: boolean
}

interface Generation {
  /** By a rotation that returned. */
  rotation?: RequestInterval
  /** Also by one whose outcome is not known. */
  firstAttempt?: RequestInterval
  refusedAt:
    { readonly endMs: number; readonly endTurn: number; readonly reason: string } | undefined
  /** When the one who decides had surely seen it. */
  seenMs: number
}

/** One sign-in, and what is known of its session. */
export interface KnownSession {
  readonly number: number
  readonly userId: string
  readonly signIn: RequestInterval
  /** When the check of the password began. A revocation of all that began later ends the session. */
  readonly checkTurn: number
  readonly generations: Generation[]
  readonly endings: Ending[]
  /** Rotations went side by side: which token is the newest is not known. */
  isTangled: boolean
  surelySeenMs: number
  lastUseMs: number
  /** When requests with its tokens began: also one that failed may have been seen. */
  readonly usesMs: number[]
}

/** One of a session's tokens. */
export interface KnownToken {
  readonly session: KnownSession
  readonly generation: number
}

interface RevokeAll {
  readonly userId: string | undefined
  readonly request: RequestInterval
  readonly name: string
  readonly except: KnownSession | undefined
  isCertain: boolean
}

/** What an idle timeout may be renewed by after the request was over. */
const renewalSlackMs = 60_000
/** So much after a request has failed it has arrived, or is lost. */
const maxWayMs = 60_000

/**
 * What has to hold of sessions, by intervals: a request is taken to have happened at some time between its beginning and its
 * end, and what was not answered at any time since it was sent, or never.
 */
export class SessionOracle {
  readonly violations: SessionViolation[] = []
  readonly sessions: KnownSession[] = []
  /** How long after a revocation returned a view was begun that was accepted all the same, in ms. */
  readonly lagsMs: number[] = []
  readonly #policy: SessionPolicy
  readonly #promisesFinality: boolean
  readonly #revocations: RevokeAll[] = []
  readonly #bans: {
    userId: string
    request: RequestInterval
    banned: boolean
    isCertain: boolean
  }[] = []

  constructor(policy: SessionPolicy, promisesFinality: boolean) {
    this.#policy = policy
    this.#promisesFinality = promisesFinality
  }

  signedIn(
    userId: string,
    { request, checkTurn }: { readonly request: RequestInterval; readonly checkTurn: number },
  ): KnownToken {
    const session: KnownSession = {
      number: this.sessions.length + 1,
      userId,
      signIn: request,
      checkTurn,
      generations: [createGeneration()],
      endings: [],
      isTangled: false,
      surelySeenMs: request.startMs,
      lastUseMs: request.endMs,
      usesMs: [],
    }
    this.sessions.push(session)
    if (this.#isSurelyBanned(userId, request)) {
      this.#add('banned-sign-in', `${nameOf(session)} signed in while banned`)
    }
    return { session, generation: 0 }
  }

  /** One session is to end. @returns To be told when it has. */
  beginEnding(
    session: KnownSession,
    request: RequestInterval,
    { name, fromMs = () => 0 }: { readonly name: string; readonly fromMs?: () => number },
  ): { settle(): void } {
    const ending: Ending = { request, name, fromMs, isCertain: false }
    session.endings.push(ending)
    return {
      settle: () => {
        ending.isCertain = true
      },
    }
  }

  /** All sessions of a user, or of everyone, are to end. */
  beginRevokeAll(
    name: string,
    request: RequestInterval,
    { userId, except }: { readonly userId?: string; readonly except?: KnownSession | undefined },
  ): { settle(): void } {
    const revocation: RevokeAll = { userId, request, name, except, isCertain: false }
    this.#revocations.push(revocation)
    return {
      settle: () => {
        revocation.isCertain = true
      },
    }
  }

  beginBan(userId: string, banned: boolean, request: RequestInterval): { settle(): void } {
    const ban = { userId, request, banned, isCertain: false }
    this.#bans.push(ban)
    return {
      settle: () => {
        ban.isCertain = true
      },
    }
  }

  beginRotation(
    { session, generation }: KnownToken,
    request: RequestInterval,
  ): { settle(): KnownToken } {
    const from = session.generations[generation]
    const newest = session.generations.length - 1
    // Of an older one, or beside another one that has not returned.
    if (generation !== newest || mayBePending(from?.firstAttempt, request)) session.isTangled = true
    if (from !== undefined) from.firstAttempt ??= request
    return {
      settle: () => {
        if (from !== undefined) {
          if (from.rotation !== undefined || session.generations.length - 1 !== newest) {
            session.isTangled = true
          }
          from.rotation ??= request
        }
        session.generations.push(createGeneration())
        session.surelySeenMs = Math.max(session.surelySeenMs, request.startMs)
        return { session, generation: session.generations.length - 1 }
      },
    }
  }

  /** A token was used: what it may have done. To be called when the request begins. */
  used({ session, generation }: KnownToken, request: RequestInterval): void {
    session.usesMs.push(request.startMs)
    // A replaced token after its grace ends its session, where its successor was used. Nobody has one whose rotation failed.
    const known = session.generations[generation]
    const graceMs = this.#policy.graceSeconds * 1000
    const fromMs = (): number =>
      known?.rotation === undefined ? Infinity : (known.firstAttempt?.startMs ?? 0) + graceMs
    this.beginEnding(session, request, { name: 'the use of a rotated token', fromMs })
  }

  judgeView(
    token: KnownToken,
    request: RequestInterval,
    outcome: ViewOutcome & { readonly freshness: ViewFreshness },
  ): void {
    const { session } = token
    const generation = session.generations[token.generation]
    if (generation === undefined) return
    this.#checkBound(outcome, session)
    if (outcome.accepted) this.#judgeAccept(token, request, outcome)
    else this.#judgeRefusal(token, request, outcome.reason ?? 'no reason')
    session.lastUseMs = Math.max(session.lastUseMs, request.endMs)
    if (outcome.accepted && outcome.wasSeen === true) {
      session.surelySeenMs = Math.max(session.surelySeenMs, request.startMs)
      generation.seenMs = Math.min(generation.seenMs, request.endMs)
    }
    if (!outcome.accepted && (outcome.isFinal === true || !this.#promisesFinality)) {
      const { endMs, endTurn } = request
      generation.refusedAt ??= { endMs, endTurn, reason: outcome.reason ?? 'no reason' }
    }
  }

  /** A change, a refresh or a rotation, which the one who decides sees. */
  judgeChange(
    token: KnownToken,
    request: RequestInterval,
    change: { name: string; ok: boolean },
  ): void {
    const { session } = token
    if (!change.ok) {
      this.#judgeRefusal(token, request, change.name)
    } else {
      const ending = this.endedBefore(session, request)
      if (ending) {
        this.#add('late-change', `${change.name} of ${nameOf(session)} after ${ending.name}`)
      }
      // A change counts as a use, and does not have to renew anything.
      if (change.name !== 'change') {
        session.surelySeenMs = Math.max(session.surelySeenMs, request.startMs)
      }
    }
    session.lastUseMs = Math.max(session.lastUseMs, request.endMs)
  }

  /** When all is quiet: what is accepted for good, and what is not. */
  judgeRest(token: KnownToken, request: RequestInterval, outcome: ViewOutcome): void {
    const { session } = token
    if (outcome.accepted) {
      const ending = this.endedBefore(session, request)
      if (!ending) return
      const again = session.generations[token.generation]?.refusedAt
      if (again === undefined)
        this.#add('missed', `${nameOf(session)} is there after ${ending.name}`)
      else this.#add('resurrection', `${nameOf(session)} is there again after ${ending.name}`)
    } else if (this.#isSurelyLive(token, request)) {
      this.#add('lost', `${nameOf(session)} is gone: ${outcome.reason ?? 'no reason'}`)
    }
  }

  fail(type: SessionViolationType, what: string): void {
    this.#add(type, what)
  }

  /** A revocation of the session that had returned when the request began: the earliest. */
  endedBefore(
    session: KnownSession,
    { startTurn }: RequestInterval,
  ): { readonly name: string; readonly endMs: number } | undefined {
    let found: { name: string; endMs: number } | undefined
    const consider = ({ name, request, isCertain }: Omit<Ending, 'fromMs'>): void => {
      if (!isCertain || request.endTurn >= startTurn) return
      if (found === undefined || request.endMs < found.endMs) found = { name, endMs: request.endMs }
    }
    session.endings.forEach(consider)
    for (const revocation of this.#revocations) {
      const { userId, request, except } = revocation
      const isMeant = (userId === undefined || userId === session.userId) && except !== session
      // It ended those that were there, and moved the epoch that a later one would have had to know.
      const isCovered =
        request.startTurn > (userId === undefined ? session.signIn.endTurn : session.checkTurn)
      if (isMeant && isCovered) consider(revocation)
    }
    return found
  }

  #mayHaveEnded(session: KnownSession, { endTurn }: RequestInterval): boolean {
    const mayCount = ({ request, fromMs }: Ending): boolean =>
      request.startTurn < endTurn && fromMs() < Infinity && request.endMs >= fromMs()
    if (session.endings.some(mayCount)) return true
    return this.#revocations.some(
      ({ userId, request, except }) =>
        (userId === undefined || userId === session.userId) &&
        except !== session &&
        request.startTurn < endTurn &&
        mayReach(request, session),
    )
  }

  /** Whether some isolates may know of the end of everyone's sessions and others not, because it has failed half-way. */
  #isEveryoneInDoubt(session: KnownSession): boolean {
    return this.#revocations.some(
      ({ userId, request, isCertain }) =>
        userId === undefined && !isCertain && mayReach(request, session),
    )
  }

  #judgeAccept(
    token: KnownToken,
    request: RequestInterval,
    outcome: ViewOutcome & { readonly freshness: ViewFreshness },
  ): void {
    const { session } = token
    const { boundMs, freshness } = outcome
    const how = `a ${freshness} view of ${nameOf(session)}`
    if (outcome.userId !== undefined && outcome.userId !== session.userId) {
      this.#add('wrong-user', `${how} gave another user's`)
    }
    const ending = this.endedBefore(session, request)
    if (ending) {
      const lagMs = request.startMs - ending.endMs
      this.lagsMs.push(lagMs)
      if (boundMs !== null && (boundMs === 0 || lagMs > boundMs)) {
        this.#add(
          'late-accept',
          `${how} was accepted ${lagMs} ms after ${ending.name}, bound ${boundMs}`,
        )
      }
    }
    const { absoluteSeconds, idleSeconds } = this.#policy
    const sinceSignInMs = request.startMs - session.signIn.endMs
    const earlierMs = session.usesMs.filter((startMs) => startMs < request.startMs)
    const lastUseMs = Math.max(session.lastUseMs, ...earlierMs)
    const sinceUseMs = request.startMs - lastUseMs - renewalSlackMs
    if (sinceSignInMs > absoluteSeconds * 1000 || sinceUseMs > idleSeconds * 1000) {
      this.#add('expired-accept', `${how} was accepted ${sinceSignInMs} ms after sign-in`)
    }
    const refused = session.generations[token.generation]?.refusedAt
    if (
      refused &&
      this.#promisesFinality &&
      refused.endTurn < request.startTurn &&
      !this.#isEveryoneInDoubt(session)
    ) {
      const lagMs = request.startMs - refused.endMs
      if (boundMs === 0 || (boundMs !== null && lagMs > boundMs)) {
        this.#add(
          'resurrection',
          `${how} was accepted ${lagMs} ms after "${refused.reason}", bound ${boundMs}`,
        )
      }
    }
    this.#judgeGrace(token, request, { how, boundMs })
  }

  #judgeGrace(
    { session, generation }: KnownToken,
    request: RequestInterval,
    { how, boundMs }: { readonly how: string; readonly boundMs: number | null },
  ): void {
    const { rotation } = session.generations[generation] ?? {}
    if (rotation === undefined || session.isTangled || boundMs === null) return
    const graceMs = this.#policy.graceSeconds * 1000
    const successorSeenMs = session.generations[generation + 1]?.seenMs ?? Infinity
    const endsMs =
      graceMs === 0 ? rotation.endMs : Math.max(rotation.endMs + graceMs, successorSeenMs)
    if (rotation.endTurn < request.startTurn && request.startMs - endsMs > boundMs) {
      this.#add(
        'rotated-accept',
        `${how} by its rotated token was accepted ${request.startMs - endsMs} ms after its grace, bound ${boundMs}`,
      )
    }
  }

  #judgeRefusal(token: KnownToken, request: RequestInterval, reason: string): void {
    if (!this.#isSurelyLive(token, request)) return
    this.#add('live-refused', `${nameOf(token.session)} was refused: ${reason}`)
  }

  #isSurelyLive({ session, generation }: KnownToken, request: RequestInterval): boolean {
    if (session.isTangled || this.#mayHaveEnded(session, request)) return false
    const { absoluteSeconds, idleSeconds, renewalFraction, graceSeconds } = this.#policy
    if (request.endMs >= session.signIn.startMs + absoluteSeconds * 1000) return false
    const idleMs = idleSeconds * 1000 * (1 - renewalFraction) - 1000
    if (request.endMs >= session.surelySeenMs + idleMs) return false
    const { rotation, firstAttempt } = session.generations[generation] ?? {}
    // A rotation that failed may have happened: its grace is not begun again by the next.
    const replaced = rotation !== undefined || graceSeconds === 0 ? firstAttempt : undefined
    return replaced === undefined || request.endMs < replaced.startMs + graceSeconds * 1000
  }

  #isSurelyBanned(userId: string, { startTurn, endTurn }: RequestInterval): boolean {
    const own = this.#bans.filter((ban) => ban.userId === userId)
    return own.some(
      (ban) =>
        ban.banned &&
        ban.isCertain &&
        ban.request.endTurn < startTurn &&
        !own.some(
          ({ banned, request }) =>
            !banned && request.startTurn < endTurn && request.endTurn > ban.request.startTurn,
        ),
    )
  }

  #checkBound(
    { boundMs, freshness, accepted }: ViewOutcome & { readonly freshness: ViewFreshness },
    session: KnownSession,
  ): void {
    if (boundMs === null || !accepted) return
    const { boundedSeconds, edgeSeconds, openWithinSeconds } = this.#policy
    const asked = { strict: 0, bounded: boundedSeconds, edge: edgeSeconds }[freshness]
    const allowedMs = 1000 * (freshness === 'strict' ? 0 : Math.max(asked, openWithinSeconds ?? 0))
    if (boundMs <= allowedMs) return
    this.#add('wrong-bound', `a ${freshness} view of ${nameOf(session)} says ${boundMs} ms`)
  }

  #add(type: SessionViolationType, what: string): void {
    this.violations.push({ type, what })
  }
}

function createGeneration(): Generation {
  return { refusedAt: undefined, seenMs: Infinity }
}

/** Whether a session may have been there when a revocation arrived. */
function mayReach(
  { endTurn, failedMs = Infinity }: RequestInterval,
  { signIn }: KnownSession,
): boolean {
  return endTurn > signIn.startTurn && signIn.startMs <= failedMs + maxWayMs
}

function mayBePending(earlier: RequestInterval | undefined, { startMs }: RequestInterval): boolean {
  if (earlier?.endTurn !== Infinity) return false
  return startMs <= (earlier.failedMs ?? Infinity) + maxWayMs
}

function nameOf({ number, userId }: KnownSession): string {
  return `session ${number} of ${userId}`
}
