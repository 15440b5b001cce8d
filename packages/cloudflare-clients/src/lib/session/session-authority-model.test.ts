import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSessionRecord } from '../../../test/support/session-record.ts'
import { MapSessionStorage } from './map-session-storage.ts'
import { SessionAuthority } from './session-authority.ts'

const startMs = Date.UTC(2026, 0, 1)
const idleMs = 600_000
const lifetimeMs = 3_600_000
const hashes = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
type Hash = (typeof hashes)[number]

interface Rotation {
  readonly from: Hash
  readonly to: Hash
  readonly atMs: number
  readonly graceMs: number
}

interface ModelSession {
  readonly id: string
  readonly first: Hash
  readonly createdAtMs: number
  lastSeenAtMs: number
  reason: 'revoked' | 'reused' | null
  readonly rotations: Rotation[]
  readonly used: Set<Hash>
}

/** Who is valid, from all that ever happened: nothing is derived in advance and nothing is forgotten. */
class Model {
  readonly sessions: ModelSession[] = []
  readonly epochs: { epoch: number; atMs: number; revocations: number }[] = []
  revocations = 0
  isBanned = false
  nowMs = startMs

  of(hash: Hash): ModelSession | undefined {
    return this.sessions.find((one) => hashesOf(one).includes(hash))
  }

  live(): ModelSession[] {
    return this.sessions.filter((one) => this.endedBy(one) === null)
  }

  endedBy({ reason, createdAtMs, lastSeenAtMs }: ModelSession): string | null {
    if (reason !== null) return reason
    const endMs = Math.min(createdAtMs + lifetimeMs, lastSeenAtMs + idleMs)
    if (this.nowMs < endMs) return null
    return endMs === createdAtMs + lifetimeMs ? 'expired' : 'idle'
  }

  /** Uses a token. */
  use(hash: Hash): string {
    const session = this.of(hash)
    if (session === undefined) return 'unknown'
    const ended = this.endedBy(session)
    if (ended !== null) return ended
    const rotations = session.rotations.filter(({ from }) => from === hash)
    if (rotations.length > 0 && this.nowMs >= graceEndMs(rotations)) {
      if (rotations.some(({ to }) => session.used.has(to))) {
        session.reason = 'reused'
        return 'reused'
      }
      if (rotations.some(({ graceMs }) => graceMs === 0)) return 'rotated'
    }
    session.used.add(hash)
    return 'ok'
  }
}

/** A rotation within the grace only shortens it; one after it begins it again. */
function graceEndMs(rotations: readonly Rotation[]): number {
  let endMs = Infinity
  for (const { atMs, graceMs } of rotations) {
    endMs = atMs < endMs ? Math.min(endMs, atMs + graceMs) : atMs + graceMs
  }
  return endMs
}

function hashesOf({ first, rotations }: ModelSession): Hash[] {
  return [first, ...rotations.map(({ to }) => to)]
}

const hash = fc.constantFrom(...hashes)
const step = fc.oneof(
  fc.record({
    do: fc.constant('create'),
    hash,
    replaces: fc.option(hash),
    epoch: fc.option(fc.nat(2)),
  }),
  fc.record({ do: fc.constant('check'), hash, touch: fc.boolean() }),
  fc.record({
    do: fc.constant('rotate'),
    hash,
    to: hash,
    graceMs: fc.constantFrom(0, 1000, 60_000),
  }),
  fc.record({ do: fc.constant('revoke'), hash }),
  fc.record({ do: fc.constant('revoke-all'), except: fc.option(hash) }),
  fc.record({ do: fc.constant('ban'), banned: fc.boolean() }),
  fc.record({ do: fc.constant('epoch') }),
  fc.record({ do: fc.constant('restart') }),
  fc.record({
    do: fc.constant('pass'),
    ms: fc.constantFrom(1, 999, 1000, 60_000, idleMs / 2, idleMs, lifetimeMs / 2),
  }),
  fc.record({ do: fc.constant('go back'), ms: fc.constantFrom(1, 1000, lifetimeMs) }),
) as fc.Arbitrary<Step>

type Step =
  | { do: 'create'; hash: Hash; replaces: Hash | null; epoch: number | null }
  | { do: 'check'; hash: Hash; touch: boolean }
  | { do: 'rotate'; hash: Hash; to: Hash; graceMs: number }
  | { do: 'revoke'; hash: Hash }
  | { do: 'revoke-all'; except: Hash | null }
  | { do: 'ban'; banned: boolean }
  | { do: 'epoch' | 'restart' }
  | { do: 'pass' | 'go back'; ms: number }

function run(steps: readonly Step[]): void {
  const model = new Model()
  const storage = new MapSessionStorage()
  let clockMs = startMs
  const open = () => new SessionAuthority({ storage, now: () => clockMs })
  let authority = open()
  let created = 0

  const take = (one: Step): void => {
    switch (one.do) {
      case 'create': {
        if (model.of(one.hash) !== undefined) return
        const id = `session-${created++}`
        const record = createSessionRecord(model.nowMs, { id })
        const asked = one.epoch === null ? undefined : model.epochs[one.epoch]
        const reply = authority.create({
          tokenHash: one.hash,
          record,
          epoch: asked?.epoch,
          replaces: one.replaces ?? undefined,
        })
        const hasMoved =
          asked !== undefined &&
          (asked.revocations < model.revocations || asked.atMs <= model.nowMs - 86_400_000)
        if (model.isBanned || hasMoved) {
          const reason = model.isBanned ? 'banned' : 'epoch_moved'
          expect(reply).toEqual({ ok: false, reason })
          return
        }
        const replaced = one.replaces === null ? undefined : model.of(one.replaces)
        const isReplacing = replaced !== undefined && model.endedBy(replaced) === null
        expect(reply).toEqual({ ok: true, replaced: isReplacing ? hashesOf(replaced) : [] })
        if (isReplacing) replaced.reason = 'revoked'
        model.sessions.push({
          id,
          first: one.hash,
          createdAtMs: model.nowMs,
          lastSeenAtMs: model.nowMs,
          reason: null,
          rotations: [],
          used: new Set(),
        })
        return
      }
      case 'check': {
        const reply = authority.check({
          tokenHash: one.hash,
          touch: one.touch,
          renewalFraction: 1e-9,
        })
        const verdict = model.use(one.hash)
        expect(reply.ok ? 'ok' : reply.reason).toBe(verdict)
        const session = model.of(one.hash)
        if (verdict !== 'ok' || session === undefined) return
        const isDue = model.nowMs - session.lastSeenAtMs >= 1000
        if (one.touch && isDue) session.lastSeenAtMs = model.nowMs
        expect(reply).toMatchObject({
          record: { id: session.id, lastSeenAtMs: session.lastSeenAtMs },
        })
        return
      }
      case 'rotate': {
        const session = model.of(one.hash)
        // What is pushed out has a test of its own.
        if (model.of(one.to) !== undefined || one.hash === one.to) return
        if (session !== undefined && session.rotations.length >= 3) return
        const { hash: from, to, graceMs } = one
        const request = { tokenHash: from, newTokenHash: to, graceMs }
        const reply = authority.rotate(request)
        const verdict = model.use(from)
        expect(reply.ok ? 'ok' : reply.reason).toBe(verdict)
        if (verdict !== 'ok' || session === undefined) return
        session.rotations.push({ from, to, atMs: model.nowMs, graceMs })
        session.lastSeenAtMs = model.nowMs
        expect(authority.rotate(request)).toEqual(reply)
        return
      }
      case 'revoke': {
        const session = model.of(one.hash)
        const { count } = authority.revoke({ tokenHash: one.hash })
        const isLive = session !== undefined && model.endedBy(session) === null
        expect(count).toBe(isLive ? 1 : 0)
        if (isLive) session.reason = 'revoked'
        return
      }
      case 'revoke-all': {
        // By its id, because what a rotated token spares has a test of its own.
        const spared = one.except === null ? undefined : model.of(one.except)
        const leaving = model.live().filter((session) => session !== spared)
        const reply = authority.revoke({ all: true, exceptSessionId: spared?.id })
        expect(reply.count).toBe(leaving.length)
        for (const session of leaving) session.reason = 'revoked'
        model.revocations++
        return
      }
      case 'ban': {
        const leaving = one.banned ? model.live() : []
        expect(authority.setBan(one.banned).count).toBe(leaving.length)
        for (const session of leaving) session.reason = 'revoked'
        if (one.banned) model.revocations++
        model.isBanned = one.banned
        return
      }
      case 'epoch':
        model.epochs.unshift({
          epoch: authority.getEpoch(),
          atMs: model.nowMs,
          revocations: model.revocations,
        })
        return
      case 'restart':
        authority = open()
        return
      case 'pass':
        // Also after it went back: the model's time is what was seen.
        clockMs = model.nowMs + one.ms
        model.nowMs = clockMs
        // So that it is seen, and in a row that lives through a restart.
        authority.getEpoch()
        return
      case 'go back':
        clockMs -= one.ms
    }
  }

  for (const one of steps) {
    // A restart knows the time of the last row only, and a clock that went back is no part of it then.
    if (one.do === 'restart' && clockMs < model.nowMs) clockMs = model.nowMs
    take(one)
    const ids = authority.list().map(({ id }) => id)
    expect(new Set(ids)).toEqual(new Set(model.live().map(({ id }) => id)))
  }
}

test('accepts whom a model of all that ever happened accepts', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
      run(steps)
    }),
    { seed: 3, numRuns: 2000 },
  )
})
