/** A change to the code after which some schedule of sessions must show what must not happen. */
export interface SessionMutant {
  readonly name: string
  /** In src/lib/session. */
  readonly file: string
  /** Occurs once in the file. */
  readonly from: string
  readonly to: string
}

const authority = 'session-authority.ts'
const tokens = 'session-tokens.ts'
const everyone = 'everyone-epoch.ts'
const evidence = 'session-evidence.ts'

export const sessionMutants: readonly SessionMutant[] = [
  {
    name: 'the end of all sessions does not reach those who are signing in',
    file: authority,
    from: '      this.#moveEpoch(nowMs)\n',
    to: '',
  },
  {
    name: 'a ban ends no session',
    file: authority,
    from: '      this.#moveEpoch(nowMs, { banned })\n      return this.#endAll(this.#liveRows(nowMs))',
    to: '      this.#moveEpoch(nowMs, { banned })\n      return nothingRevoked',
  },
  {
    name: 'the end of all others spares nobody',
    file: authority,
    from: 'return row.id !== exceptSessionId && !(token !== undefined && isAccepted(token, nowMs))',
    to: 'return row.id !== exceptSessionId && (token === undefined || isAccepted(token, nowMs))',
  },
  {
    name: 'a use does not prolong the idle timeout',
    file: authority,
    from: 'if (touch && isDue)',
    to: 'if (touch && isDue && force === true)',
  },
  {
    name: 'a restart of the authority forgets what was changed',
    file: 'session-rows.ts',
    from: '    this.#storage.saveSession(row)\n',
    to: '    if (this.#rows.get(row.id) === undefined) this.#storage.saveSession(row)\n',
  },
  {
    name: 'a rotated token has no end',
    file: tokens,
    from: 'Math.min(endsMs, nowMs + graceMs)',
    to: 'endsMs',
  },
  {
    name: 'the reuse of a rotated token is not noticed',
    file: tokens,
    from: "token.hasUsedSuccessor === true) return 'reused'",
    to: "token.hasUsedSuccessor === true) return 'after_grace'",
  },
  {
    name: 'a token whose rotation was lost on the way is over',
    file: tokens,
    from: "token.isFinal === true ? 'rotated' : 'after_grace'",
    to: "token.isFinal === false ? 'after_grace' : 'rotated'",
  },
  {
    name: 'a copy is as young as its reading',
    file: evidence,
    from: 'mergeCopies(this.found?.copy, copy)',
    to: 'mergeCopies(this.found?.copy, { ...copy, confirmedAtMs: nowMs })',
  },
  {
    name: 'a copy is confirmed when the reply came',
    file: 'session-judge.ts',
    from: 'confirmedAtMs: askedAtMs, validUntilMs: reply.validUntilMs',
    to: 'confirmedAtMs: now(), validUntilMs: reply.validUntilMs',
  },
  {
    name: 'a copy is good for a second longer than was asked for',
    file: evidence,
    from: 'copy.confirmedAtMs <= maxAgeMs',
    to: 'copy.confirmedAtMs <= maxAgeMs + 1000',
  },
  {
    name: 'the end of everyone does not wait for who holds the old epoch',
    file: everyone,
    from: '    await sleep(this.#options.holdMs, this.#options.timers)\n',
    to: '    if (this.known < 0) await sleep(this.#options.holdMs, this.#options.timers)\n',
  },
  {
    name: 'a session is made in the epoch that its isolate reads',
    file: everyone,
    from: '    this.known = Math.max(this.known, await this.#at(0).getEveryoneEpoch())\n    return this.known\n',
    to: '    return this.read()\n',
  },
  {
    name: 'an audit event holds the token',
    file: 'session-store.ts',
    from: "this.#desk.audit('created', { userId })",
    to: "this.#desk.audit('created', { userId: token })",
  },
]
