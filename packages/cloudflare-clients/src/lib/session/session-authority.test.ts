import { describe, expect, test, vi } from 'vitest'
import { createSessionRecord } from '../../../test/support/session-record.ts'
import { MapSessionStorage } from './map-session-storage.ts'
import type {
  CheckSessionRequest,
  CreateSessionRequest,
  SessionReply,
} from './session-authority-calls.ts'
import { maxEndedSessions, maxSessions, SessionAuthority } from './session-authority.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionRow, SessionUserRow } from './session-storage.ts'

const startMs = Date.UTC(2026, 0, 1)
const dayMs = 86_400_000
const hourMs = 3_600_000
const idleMs = 600_000

/** Counts what is written. */
class CountingStorage extends MapSessionStorage {
  writes = 0
  fails = false

  override saveUser(row: SessionUserRow): void {
    this.#write()
    super.saveUser(row)
  }

  override saveSession(row: SessionRow): void {
    this.#write()
    super.saveSession(row)
  }

  override deleteSession(id: string): void {
    this.#write()
    super.deleteSession(id)
  }

  #write(): void {
    if (this.fails) throw new Error('disk full')
    this.writes++
  }
}

function start() {
  const storage = new CountingStorage()
  const onReuse = vi.fn<(record: SessionRecord) => void>()
  const clock = { nowMs: startMs }
  const open = () => new SessionAuthority({ storage, now: () => clock.nowMs, onReuse })
  let authority = open()
  return {
    storage,
    clock,
    onReuse,
    get authority() {
      return authority
    },
    restart: () => {
      authority = open()
    },
    create: (
      tokenHash: string,
      changes: Partial<SessionRecord> = {},
      request: Partial<CreateSessionRequest> = {},
    ) =>
      authority.create({
        tokenHash,
        record: createSessionRecord(clock.nowMs, { id: `session-${tokenHash}`, ...changes }),
        ...request,
      }),
    check: (tokenHash: string, request: Partial<CheckSessionRequest> = {}) =>
      authority.check({ tokenHash, touch: false, renewalFraction: 0.1, ...request }),
    rotate: (tokenHash: string, newTokenHash: string, graceMs = 60_000) =>
      authority.rotate({ tokenHash, newTokenHash, graceMs }),
    /** What becomes of a token: `ok`, or why it is refused. */
    verdict(tokenHash: string): string {
      return toVerdict(this.check(tokenHash))
    },
  }
}

function toVerdict(reply: SessionReply): string {
  return reply.ok ? 'ok' : reply.reason
}

describe('create', () => {
  test('lists a session, with one written row', () => {
    const it = start()
    expect(it.verdict('a')).toBe('unknown')
    expect(it.create('a')).toEqual({ ok: true, replaced: [] })
    expect(it.storage.writes).toBe(1)
    const record = createSessionRecord(startMs, { id: 'session-a' })
    expect(it.check('a')).toEqual({ ok: true, version: 1, record })
    it.restart()
    expect(it.check('a')).toEqual({ ok: true, version: 1, record })
    expect(it.storage.writes).toBe(1)
  })

  test('changes nothing when it is repeated', () => {
    const it = start()
    it.create('old')
    const first = it.create('a', {}, { replaces: 'old' })
    it.rotate('a', 'b')
    it.authority.update({ tokenHash: 'b' }, { data: 'newer' })
    const writes = it.storage.writes
    expect(it.create('a', {}, { replaces: 'old' })).toEqual(first)
    expect(first).toEqual({ ok: true, replaced: ['old'] })
    expect(it.storage.writes).toBe(writes)
    expect(it.check('b')).toMatchObject({ version: 3, record: { data: 'newer' } })
  })

  test('does not bring back what was revoked, when it is repeated', () => {
    const it = start()
    it.create('a')
    it.authority.revoke({ tokenHash: 'a' })
    expect(it.create('a')).toEqual({ ok: false, reason: 'epoch_moved' })
    expect(it.verdict('a')).toBe('revoked')
  })

  test('throws where another session has the hash or the id', () => {
    const it = start()
    it.create('a')
    const message =
      'Cannot create session: its token hash and its id must be new, received one that another session has'
    expect(() => it.create('a', { id: 'another' })).toThrow(message)
    expect(() => it.create('b', { id: 'session-a' })).toThrow(message)
    expect(it.authority.list()).toHaveLength(1)
  })

  test('ends the session that it replaces, by any of its tokens', () => {
    const it = start()
    it.create('old')
    it.rotate('old', 'older')
    it.create('other')
    expect(it.create('a', {}, { replaces: 'old' })).toEqual({
      ok: true,
      replaced: ['old', 'older'],
    })
    expect(['old', 'older', 'other', 'a'].map((hash) => it.verdict(hash))).toEqual([
      'revoked',
      'revoked',
      'ok',
      'ok',
    ])
    expect(it.create('b', {}, { replaces: 'never-issued' })).toEqual({ ok: true, replaced: [] })
  })

  test('keeps what it would replace where it is refused', () => {
    const it = start()
    it.create('old')
    const epoch = it.authority.getEpoch()
    it.authority.revoke({ all: true, exceptTokenHash: 'old' })
    expect(it.create('a', {}, { epoch, replaces: 'old' }).ok).toBe(false)
    expect(it.verdict('old')).toBe('ok')
  })

  test('ends the least recently seen of 100 for one more', () => {
    const it = start()
    for (let index = 0; index < maxSessions; index++) {
      it.create(`hash-${index}`)
      it.clock.nowMs += 1000
    }
    it.check('hash-0', { touch: true, force: true })
    expect(it.authority.list()).toHaveLength(maxSessions)
    expect(it.create('a')).toEqual({ ok: true, replaced: ['hash-1'] })
    expect(it.authority.list()).toHaveLength(maxSessions)
    expect(it.verdict('hash-0')).toBe('ok')
    expect(it.verdict('hash-1')).toBe('revoked')
    expect(it.create('b', {}, { replaces: 'hash-5' })).toEqual({ ok: true, replaced: ['hash-5'] })
    expect(it.verdict('hash-2')).toBe('ok')
  })

  test('remembers the last 200 that ended, and refuses the others too', () => {
    const it = start()
    for (let index = 0; index <= maxEndedSessions + 1; index++) {
      it.create(`hash-${index}`)
      it.authority.revoke({ tokenHash: `hash-${index}` })
      it.clock.nowMs += 1000
    }
    expect(it.verdict('hash-0')).toBe('unknown')
    expect(it.verdict('hash-1')).toBe('revoked')
    expect(it.storage.loadSessions()).toHaveLength(maxEndedSessions + 1)
  })

  test('lists nothing that failed to be written', () => {
    const it = start()
    it.create('old')
    it.storage.fails = true
    expect(() => it.create('a')).toThrow('disk full')
    expect(() => it.authority.revoke({ all: true })).toThrow('disk full')
    expect(() => it.rotate('old', 'new')).toThrow('disk full')
    it.storage.fails = false
    expect(['old', 'new', 'a'].map((hash) => it.verdict(hash))).toEqual([
      'ok',
      'unknown',
      'unknown',
    ])
    it.restart()
    expect(['old', 'new', 'a'].map((hash) => it.verdict(hash))).toEqual([
      'ok',
      'unknown',
      'unknown',
    ])
  })
})

describe('the epoch', () => {
  test('admits a sign-in while nothing was revoked, and refuses it after', () => {
    const it = start()
    const epoch = it.authority.getEpoch()
    it.clock.nowMs += 500
    expect(it.create('a', {}, { epoch }).ok).toBe(true)
    it.authority.revoke({ tokenHash: 'a' })
    expect(it.create('b', {}, { epoch }).ok).toBe(true)
    it.authority.revoke({ all: true })
    expect(it.create('c', {}, { epoch })).toEqual({ ok: false, reason: 'epoch_moved' })
    const next = it.authority.getEpoch()
    expect(next).toBeGreaterThan(epoch)
    expect(it.create('d', {}, { epoch: next }).ok).toBe(true)
  })

  test.for([
    ['all', { all: true }],
    ['all but one', { all: true, exceptTokenHash: 'a' }],
  ] as const)(
    'moves with a revocation of %s, in the same ms and without a session too',
    ([, target]) => {
      const it = start()
      for (let round = 0; round < 3; round++) {
        const epoch = it.authority.getEpoch()
        it.authority.revoke(target)
        expect(it.create('b', {}, { epoch })).toEqual({ ok: false, reason: 'epoch_moved' })
      }
    },
  )

  test('leaves the excepted session and others valid, whatever it is', () => {
    const it = start()
    it.create('a', {}, { epoch: it.authority.getEpoch() })
    it.authority.revoke({ all: true, exceptTokenHash: 'a' })
    expect(it.verdict('a')).toBe('ok')
    expect(it.create('b').ok).toBe(true)
  })

  test('is refused after a restart, with a clock that went back a bit', () => {
    const it = start()
    const epoch = it.authority.getEpoch()
    it.restart()
    it.clock.nowMs -= 59_000
    it.authority.revoke({ all: true })
    it.clock.nowMs += 120_000
    expect(it.create('a', {}, { epoch })).toEqual({ ok: false, reason: 'epoch_moved' })
  })

  test('is good for a day, so that a revocation need not be known for longer', () => {
    const it = start()
    const [early, late] = [it.authority.getEpoch(), startMs + dayMs]
    it.clock.nowMs = startMs + dayMs - 1
    expect(it.create('a', {}, { epoch: early }).ok).toBe(true)
    it.clock.nowMs = startMs + dayMs
    expect(it.create('b', {}, { epoch: early })).toEqual({ ok: false, reason: 'epoch_moved' })
    it.authority.revoke({ all: true })
    it.clock.nowMs += dayMs + 60_000 - 1
    expect(it.authority.deleteForgotten()).toBe(false)
    it.clock.nowMs += hourMs
    expect(it.authority.deleteForgotten()).toBe(true)
    expect(it.create('c', {}, { epoch: late })).toEqual({ ok: false, reason: 'epoch_moved' })
    expect(it.create('d', {}, { epoch: Number.NaN })).toEqual({ ok: false, reason: 'epoch_moved' })
  })
})

describe('timeouts', () => {
  test('end a session that is not seen, exactly after its idle timeout', () => {
    const it = start()
    it.create('a')
    it.clock.nowMs = startMs + idleMs - 1
    expect(it.verdict('a')).toBe('ok')
    it.clock.nowMs = startMs + idleMs
    expect(it.verdict('a')).toBe('idle')
    expect(toVerdict(it.check('a', { touch: true, force: true }))).toBe('idle')
    expect(toVerdict(it.rotate('a', 'b'))).toBe('idle')
    expect(toVerdict(it.authority.update({ tokenHash: 'a' }, { data: 1 }))).toBe('idle')
    expect(it.authority.revoke({ tokenHash: 'a' })).toEqual({ count: 0, tokenHashes: ['a'] })
    expect(it.authority.list()).toEqual([])
  })

  test('end a session however much it is used, exactly after its absolute one', () => {
    const it = start()
    it.create('a')
    for (let nowMs = startMs; nowMs < startMs + hourMs; nowMs += idleMs / 2) {
      it.clock.nowMs = nowMs
      expect(toVerdict(it.check('a', { touch: true }))).toBe('ok')
    }
    it.clock.nowMs = startMs + hourMs - 1
    expect(it.verdict('a')).toBe('ok')
    it.clock.nowMs = startMs + hourMs
    expect(it.verdict('a')).toBe('expired')
  })

  test('do not begin again with a clock that goes back, over a restart too', () => {
    const it = start()
    it.create('a')
    it.create('b')
    it.clock.nowMs = startMs + idleMs
    it.authority.revoke({ tokenHash: 'b' })
    expect(it.verdict('a')).toBe('idle')
    it.create('c')
    it.clock.nowMs = startMs
    expect(it.verdict('a')).toBe('idle')
    it.restart()
    expect(it.verdict('a')).toBe('idle')
    expect(it.check('c', { touch: true, force: true })).toMatchObject({ ok: true, version: 1 })
  })

  test('are remembered for a day, and the rows are then deleted', () => {
    const it = start()
    it.create('a')
    it.create('b')
    it.authority.revoke({ tokenHash: 'b' })
    const forgetAtMs = startMs + idleMs + dayMs
    expect(it.authority.nextForgetAtMs()).toBe(forgetAtMs)
    it.clock.nowMs = forgetAtMs - 1
    expect(it.authority.deleteForgotten()).toBe(false)
    expect([it.verdict('a'), it.verdict('b')]).toEqual(['idle', 'revoked'])
    it.clock.nowMs = forgetAtMs
    expect(it.authority.deleteForgotten()).toBe(true)
    expect([it.verdict('a'), it.verdict('b')]).toEqual(['unknown', 'unknown'])
    expect(it.storage.loadSessions()).toEqual([])
    expect(it.authority.nextForgetAtMs()).toBeNull()
  })
})

describe('check', () => {
  test('renews after the fraction of the idle timeout, and writes a row for that only', () => {
    const it = start()
    it.create('a')
    it.clock.nowMs = startMs + idleMs / 10 - 1
    expect(it.check('a', { touch: true })).toMatchObject({ version: 1 })
    expect(it.storage.writes).toBe(1)
    it.clock.nowMs = startMs + idleMs / 10
    expect(it.check('a', { touch: false })).toMatchObject({ version: 1 })
    expect(it.check('a', { touch: true })).toMatchObject({
      version: 2,
      record: { version: 2, lastSeenAtMs: it.clock.nowMs },
    })
    expect(it.check('a', { touch: true })).toMatchObject({ version: 2 })
    expect(it.storage.writes).toBe(2)
    it.restart()
    it.clock.nowMs += idleMs - 1
    expect(it.verdict('a')).toBe('ok')
    it.clock.nowMs += 1
    expect(it.verdict('a')).toBe('idle')
  })

  test.for([
    ['by force', { force: true, renewalFraction: 1 }],
    ['with a tiny fraction', { renewalFraction: 1e-9 }],
  ] as const)('renews at most once a second, %s', ([, request]) => {
    const it = start()
    it.create('a')
    it.clock.nowMs = startMs + 999
    expect(it.check('a', { touch: true, ...request })).toMatchObject({ version: 1 })
    it.clock.nowMs = startMs + 1000
    expect(it.check('a', { touch: true, ...request })).toMatchObject({ version: 2 })
    expect(it.check('a', { touch: true, ...request })).toMatchObject({ version: 2 })
    expect(it.storage.writes).toBe(2)
  })

  test('replies with the record only where its version is another', () => {
    const it = start()
    it.create('a')
    expect(it.check('a', { knownVersion: 1 })).toEqual({ ok: true, version: 1 })
    expect(it.check('a', { knownVersion: 2 })).toMatchObject({ record: { id: 'session-a' } })
    expect(it.check('a')).toMatchObject({ record: { id: 'session-a' } })
  })
})

describe('rotate', () => {
  test('keeps the session, and gives the older token its grace', () => {
    const it = start()
    it.create('a')
    it.clock.nowMs += 2000
    const reply = it.authority.rotate({
      tokenHash: 'a',
      newTokenHash: 'b',
      graceMs: 60_000,
      authenticatedAtMs: it.clock.nowMs,
      patch: { roles: ['owner'], email: 'ada@example.com' },
    })
    expect(it.storage.writes).toBe(2)
    const record = createSessionRecord(startMs, {
      id: 'session-a',
      version: 2,
      lastSeenAtMs: it.clock.nowMs,
      authenticatedAtMs: it.clock.nowMs,
      roles: ['owner'],
      email: 'ada@example.com',
    })
    expect(reply).toEqual({ ok: true, version: 2, record })
    const validUntilMs = it.clock.nowMs + 60_000
    expect(it.check('a')).toEqual({ ok: true, version: 2, validUntilMs, record })
    it.restart()
    expect(it.check('a')).toEqual({ ok: true, version: 2, validUntilMs, record })
    expect(it.check('b')).toEqual({ ok: true, version: 2, record })
  })

  test('ends the session when the older token is used after its grace, and its successor was used', () => {
    const it = start()
    it.create('a')
    it.rotate('a', 'b')
    expect(it.verdict('b')).toBe('ok')
    it.restart()
    it.clock.nowMs = startMs + 59_999
    expect(it.verdict('a')).toBe('ok')
    expect(it.onReuse).not.toHaveBeenCalled()
    it.clock.nowMs = startMs + 60_000
    expect(it.verdict('a')).toBe('reused')
    expect(it.onReuse.mock.calls).toMatchObject([[{ id: 'session-a' }]])
    expect(['a', 'b'].map((hash) => it.verdict(hash))).toEqual(['reused', 'reused'])
    it.restart()
    expect(['a', 'b'].map((hash) => it.verdict(hash))).toEqual(['reused', 'reused'])
    expect(it.onReuse).toHaveBeenCalledTimes(1)
    expect(it.authority.list()).toEqual([])
  })

  test('counts a rotation of the successor, and an update by it, as its use', () => {
    for (const use of ['rotate', 'update'] as const) {
      const it = start()
      it.create('a')
      it.rotate('a', 'b')
      if (use === 'rotate') it.rotate('b', 'c')
      else it.authority.update({ tokenHash: 'b' }, { data: 1 })
      it.clock.nowMs = startMs + 60_000
      expect(it.verdict('a')).toBe('reused')
    }
  })

  test('writes the first use of a new token, and no other', () => {
    const it = start()
    it.create('a')
    it.rotate('a', 'b')
    const writes = it.storage.writes
    it.check('b')
    it.check('b')
    it.check('a')
    expect(it.storage.writes).toBe(writes + 1)
  })

  test('keeps the older token good after its grace where no successor was ever used', () => {
    const it = start()
    it.create('a')
    it.rotate('a', 'lost')
    it.clock.nowMs = startMs + 60_000
    expect(it.check('a')).toMatchObject({ ok: true })
    expect(it.check('a')).not.toHaveProperty('validUntilMs')
    // It is rotated again, and has its grace again.
    it.rotate('a', 'b')
    it.check('b')
    it.clock.nowMs += 59_999
    expect(it.verdict('a')).toBe('ok')
    it.clock.nowMs += 1
    expect(it.verdict('a')).toBe('reused')
  })

  test('refuses the older token at once without a grace, also where its successor was never used', () => {
    const it = start()
    it.create('a')
    it.rotate('a', 'b', 0)
    expect(it.verdict('a')).toBe('rotated')
    expect(toVerdict(it.rotate('a', 'c', 0))).toBe('rotated')
    it.clock.nowMs += idleMs - 1
    expect(it.verdict('a')).toBe('rotated')
    expect(it.verdict('b')).toBe('ok')
    expect(it.verdict('a')).toBe('reused')
  })

  test('changes nothing when it is repeated, without a grace too', () => {
    for (const graceMs of [0, 60_000]) {
      const it = start()
      it.create('a')
      const first = it.rotate('a', 'b', graceMs)
      const writes = it.storage.writes
      it.clock.nowMs += 5000
      expect(it.rotate('a', 'b', graceMs)).toEqual(first)
      // A repetition is no use: its reply may be lost as well.
      expect(it.storage.writes).toBe(writes)
      expect(it.verdict('a')).toBe(graceMs === 0 ? 'rotated' : 'ok')
    }
  })

  test('takes no known hash for a new one, and no grace below 0', () => {
    const it = start()
    it.create('a')
    it.create('b')
    const message = 'Cannot rotate session: newTokenHash must be new, received a known one'
    expect(() => it.rotate('a', 'b')).toThrow(message)
    expect(() => it.rotate('a', 'a')).toThrow(message)
    expect(() => it.rotate('a', 'c', -1)).toThrow('graceMs must be at least 0, received -1')
    expect(() => it.rotate('a', 'c', Number.NaN)).toThrow('received NaN')
    expect(toVerdict(it.rotate('never-issued', 'c'))).toBe('unknown')
  })

  test('of one token at once gives tokens that are all good', () => {
    const it = start()
    it.create('a')
    for (const hash of ['b', 'c', 'd']) expect(toVerdict(it.rotate('a', hash))).toBe('ok')
    expect(['a', 'b', 'c', 'd'].map((hash) => it.verdict(hash))).toEqual(['ok', 'ok', 'ok', 'ok'])
    it.clock.nowMs += 60_000
    expect(['b', 'c', 'd'].map((hash) => it.verdict(hash))).toEqual(['ok', 'ok', 'ok'])
  })

  test('of one token again does not prolong its grace, and can shorten it', () => {
    const it = start()
    it.create('a')
    it.rotate('a', 'b', 10_000)
    it.clock.nowMs += 9000
    it.rotate('a', 'c', 10_000)
    expect(it.check('a')).toMatchObject({ validUntilMs: startMs + 10_000 })
    it.rotate('a', 'd', 0)
    expect(it.verdict('a')).toBe('rotated')
  })

  test('keeps at most 4 tokens good: the one it was given, the new one, and the last of the others', () => {
    const it = start()
    it.create('a')
    const lost = ['b', 'c', 'd', 'e', 'f']
    for (const hash of lost) it.rotate('a', hash)
    expect(['a', ...lost].map((hash) => it.verdict(hash))).toEqual([
      'ok',
      'rotated',
      'rotated',
      'ok',
      'ok',
      'ok',
    ])
    // Those that are on their way out go before those that are in use.
    for (const hash of ['d', 'e', 'f']) it.verdict(hash)
    it.rotate('f', 'g')
    expect(['a', 'd', 'e', 'f', 'g'].map((hash) => it.verdict(hash))).toEqual([
      'rotated',
      'ok',
      'ok',
      'ok',
      'ok',
    ])
  })

  test('pushes out what is in its grace, then what was never used, before what is in use', () => {
    const it = start()
    it.create('a')
    for (const hash of ['b', 'c', 'd']) it.rotate('a', hash, 1000)
    it.clock.nowMs += 1000
    for (const hash of ['b', 'd']) it.verdict(hash)
    for (const hash of ['e', 'f']) it.rotate('d', hash)
    expect(['b', 'c', 'd'].map((hash) => it.verdict(hash))).toEqual(['ok', 'rotated', 'ok'])
    it.verdict('f')
    it.rotate('f', 'g')
    expect(['b', 'd', 'e'].map((hash) => it.verdict(hash))).toEqual(['ok', 'rotated', 'ok'])
  })

  test('tells of a reuse also where the thief rotates often', () => {
    const it = start()
    it.create('a')
    for (let index = 0; index < 8; index++)
      it.rotate(index === 0 ? 'a' : `t${index - 1}`, `t${index}`)
    expect(it.verdict('a')).toBe('rotated')
    expect(it.verdict('t7')).toBe('ok')
    it.clock.nowMs += 60_000
    expect(it.verdict('a')).toBe('reused')
    expect(it.verdict('t7')).toBe('reused')
  })

  test('knows at most 16 tokens that are not good any more', () => {
    const it = start()
    it.create('t0')
    for (let index = 0; index < 18; index++) it.rotate(`t${index}`, `t${index + 1}`, 0)
    const { tokenHashes } = it.authority.revoke({ tokenHash: 't18' })
    expect(tokenHashes).toHaveLength(17)
    expect(tokenHashes).not.toContain('t1')
    expect(tokenHashes).toContain('t2')
    expect(it.verdict('t1')).toBe('unknown')
    expect(it.verdict('t2')).toBe('revoked')
  })
})

describe('update', () => {
  test('changes what it is given, of one session', () => {
    const it = start()
    it.create('a', { email: 'ada@example.com', data: { theme: 'dark' } })
    it.create('b')
    expect(it.authority.update({ tokenHash: 'a' }, { roles: ['owner'] })).toMatchObject({
      version: 2,
      record: { roles: ['owner'], email: 'ada@example.com', data: { theme: 'dark' } },
    })
    const reply = it.authority.update({ sessionId: 'session-a' }, { email: null, data: 1 })
    expect(reply).toMatchObject({ version: 3, record: { roles: ['owner'], data: 1 } })
    expect(reply.ok && reply.record).not.toHaveProperty('email')
    expect(it.check('b')).toMatchObject({ version: 1 })
    it.restart()
    expect(it.check('a', { knownVersion: 2 })).toEqual(reply)
  })

  test('changes all, or all but one, and replies for the newest', () => {
    const it = start()
    expect(it.authority.update({ all: true }, { data: 1 })).toEqual({
      ok: false,
      reason: 'unknown',
    })
    for (const hash of ['a', 'b', 'c']) {
      it.create(hash)
      it.clock.nowMs += 1000
    }
    expect(it.authority.update({ all: true }, { roles: ['owner'] })).toMatchObject({
      version: 2,
      record: { id: 'session-c' },
    })
    const target = { all: true, exceptTokenHash: 'c' } as const
    expect(it.authority.update(target, { data: 2 })).toMatchObject({ record: { id: 'session-b' } })
    expect(['a', 'b', 'c'].map((hash) => it.check(hash))).toMatchObject([
      { version: 3, record: { roles: ['owner'], data: 2 } },
      { version: 3 },
      { version: 2, record: { data: null } },
    ])
  })

  test('says why it changed nothing', () => {
    const it = start()
    it.create('a')
    it.authority.revoke({ tokenHash: 'a' })
    for (const target of [{ tokenHash: 'a' }, { sessionId: 'session-a' }]) {
      expect(it.authority.update(target, { data: 1 })).toEqual({ ok: false, reason: 'revoked' })
    }
    expect(it.authority.update({ sessionId: 'x' }, {})).toEqual({ ok: false, reason: 'unknown' })
  })
})

describe('revoke', () => {
  test.for([
    ['a token', { tokenHash: 'a' }],
    ['a rotated token', { tokenHash: 'a2' }],
    ['its id', { sessionId: 'session-a' }],
  ] as const)('ends a session by %s, once', ([, target]) => {
    const it = start()
    it.create('a')
    it.rotate('a', 'a2')
    it.create('b')
    expect(it.authority.revoke(target)).toEqual({ count: 1, tokenHashes: ['a', 'a2'] })
    expect(it.authority.revoke(target)).toEqual({ count: 0, tokenHashes: ['a', 'a2'] })
    it.restart()
    expect(['a', 'a2', 'b'].map((hash) => it.verdict(hash))).toEqual(['revoked', 'revoked', 'ok'])
    expect(it.authority.revoke({ tokenHash: 'never-issued' })).toEqual({
      count: 0,
      tokenHashes: [],
    })
  })

  test('ends all, once', () => {
    const it = start()
    for (const hash of ['a', 'b', 'c']) it.create(hash)
    it.clock.nowMs += 1
    expect(it.authority.revoke({ all: true }).count).toBe(3)
    expect(it.authority.revoke({ all: true })).toEqual({ count: 0, tokenHashes: [] })
    expect(['a', 'b', 'c'].map((hash) => it.verdict(hash))).toEqual([
      'revoked',
      'revoked',
      'revoked',
    ])
  })

  test.for([
    ['token', { exceptTokenHash: 'b2' }],
    ['id', { exceptSessionId: 'session-b' }],
  ] as const)('spares the session that is excepted by its %s', ([, except]) => {
    const it = start()
    for (const hash of ['a', 'b', 'c']) it.create(hash)
    it.rotate('b', 'b2', 0)
    const { count, tokenHashes } = it.authority.revoke({ all: true, ...except })
    expect(count).toBe(2)
    expect(new Set(tokenHashes)).toEqual(new Set(['a', 'c']))
    expect(['a', 'b2', 'c'].map((hash) => it.verdict(hash))).toEqual(['revoked', 'ok', 'revoked'])
  })

  test('spares nothing for a token that is not good any more', () => {
    const it = start()
    it.create('a')
    it.rotate('a', 'b', 0)
    expect(it.authority.revoke({ all: true, exceptTokenHash: 'a' }).count).toBe(1)
  })
})

test('lists what an account page may show, the newest first', () => {
  const it = start()
  it.create('a', { device: 'Firefox', ipPrefix: '192.0.2.0/24', data: 'private' })
  it.clock.nowMs += 1000
  it.create('b')
  it.rotate('b', 'b2')
  const common = { current: false, expiresAtMs: startMs + hourMs }
  const a = {
    ...common,
    id: 'session-a',
    createdAtMs: startMs,
    authenticatedAtMs: startMs,
    lastSeenAtMs: startMs,
    device: 'Firefox',
    ipPrefix: '192.0.2.0/24',
  }
  const laterMs = startMs + 1000
  const b = {
    id: 'session-b',
    createdAtMs: laterMs,
    authenticatedAtMs: laterMs,
    lastSeenAtMs: laterMs,
    expiresAtMs: laterMs + hourMs,
    current: true,
  }
  expect(it.authority.list('b2')).toEqual([b, a])
  expect(it.authority.list('b')).toEqual([b, a])
  expect(it.authority.list('a')).toMatchObject([{ current: false }, { current: true }])
  expect(it.authority.list()).toMatchObject([{ current: false }, { current: false }])
})

describe('a ban', () => {
  test('ends all sessions and refuses new ones until it is lifted, and what began before', () => {
    const it = start()
    it.create('a')
    const epoch = it.authority.getEpoch()
    expect(it.authority.setBan(true)).toEqual({ count: 1, tokenHashes: ['a'] })
    expect(it.authority.setBan(true)).toEqual({ count: 0, tokenHashes: [] })
    it.restart()
    expect(it.verdict('a')).toBe('revoked')
    expect(it.create('b')).toEqual({ ok: false, reason: 'banned' })
    expect(it.create('a')).toEqual({ ok: false, reason: 'banned' })
    expect(it.authority.setBan(false)).toEqual({ count: 0, tokenHashes: [] })
    expect(it.verdict('a')).toBe('revoked')
    expect(it.create('b', {}, { epoch })).toEqual({ ok: false, reason: 'epoch_moved' })
    expect(it.create('b').ok).toBe(true)
  })

  test('is never forgotten, and asks for no alarm', () => {
    const it = start()
    it.authority.setBan(true)
    it.clock.nowMs += 365 * dayMs
    expect(it.authority.deleteForgotten()).toBe(false)
    expect(it.authority.nextForgetAtMs()).toBeNull()
    expect(it.create('a')).toEqual({ ok: false, reason: 'banned' })
    it.authority.setBan(false)
    expect(it.authority.nextForgetAtMs()).toBeLessThan(it.clock.nowMs)
    expect(it.authority.deleteForgotten()).toBe(true)
  })

  test('that is not there is lifted without a write', () => {
    const it = start()
    it.authority.setBan(false)
    expect(it.storage.writes).toBe(0)
  })
})

describe('the epoch of everyone', () => {
  test('only grows, and is never forgotten', () => {
    const it = start()
    expect(it.authority.getEveryoneEpoch()).toBe(0)
    expect(it.authority.raiseEveryoneEpoch(5)).toBe(5)
    expect(it.authority.raiseEveryoneEpoch(4)).toBe(5)
    expect(it.storage.writes).toBe(1)
    it.clock.nowMs += 365 * dayMs
    expect(it.authority.deleteForgotten()).toBe(false)
    it.restart()
    expect(it.authority.getEveryoneEpoch()).toBe(5)
    expect(it.authority.nextForgetAtMs()).toBeNull()
  })

  test('takes a finite number', () => {
    for (const epoch of [Number.NaN, Infinity]) {
      expect(() => start().authority.raiseEveryoneEpoch(epoch)).toThrow(
        `Cannot raise epoch of everyone: toAtLeast must be finite, received ${epoch}`,
      )
    }
  })
})
