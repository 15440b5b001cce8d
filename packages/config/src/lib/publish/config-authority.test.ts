import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkConfigDocument } from '../check-config-document.ts'
import type { ConfigChangeReply, ConfigChangeRequest } from '../config-authority-calls.ts'
import { configDocumentLimits } from '../config-document.ts'
import { ConfigAuthority } from './config-authority.ts'
import { MapConfigStorage } from './map-config-storage.ts'

type Change = ConfigChangeRequest extends infer Request
  ? Request extends unknown
    ? Omit<Request, 'changeId' | 'author'> &
        Partial<Pick<ConfigChangeRequest, 'changeId' | 'author'>>
    : never
  : never

/** An authority whose hashes are made up: 64 digits for each body. */
function open(storage = new MapConfigStorage(), now: () => number = () => 1000) {
  const authority = new ConfigAuthority({ name: 'a/b', storage, now, isManaged: true })
  let ids = 0
  return {
    authority,
    storage,
    change(change: Change): ConfigChangeReply {
      const request = { changeId: `id-${++ids}`, author: 'ada', ...change }
      return authority.change(request, 'body' in request ? toHash(request.body) : undefined)
    },
  }
}

function toHash(body: string): string {
  return Array.from(body, (character) => character.charCodeAt(0).toString(16))
    .join('')
    .padStart(64, '0')
    .slice(-64)
}

const publish = (body: string, options: Partial<Change> = {}): Change =>
  ({ kind: 'publish', body, syntax: 'yaml', ...options }) as Change
const rollout = (body: string, percentage = 10): Change => ({
  kind: 'rollout',
  body,
  syntax: 'yaml',
  percentage,
})

test('each change makes the version one higher, and says whose it is', () => {
  const { authority, change } = open()
  expect(authority.getDocument()).toEqual({ version: 0 })
  expect(change(publish('a: 1', { description: 'first', ifVersion: 0 }))).toEqual({
    ok: true,
    version: 1,
  })
  expect(change(rollout('a: 2'))).toEqual({ ok: true, version: 2 })
  expect(change({ kind: 'ramp', percentage: 50.25 })).toEqual({ ok: true, version: 3 })
  const { version, document } = authority.getDocument()
  expect(version).toBe(3)
  expect(document).toEqual({
    codexConfig: 1,
    name: 'a/b',
    version: 3,
    changedAtMs: 1000,
    stable: {
      version: 1,
      parent: 0,
      sha256: toHash('a: 1'),
      bytes: 4,
      syntax: 'yaml',
      author: 'ada',
      description: 'first',
      atMs: 1000,
      body: 'a: 1',
    },
    candidate: {
      percentage: 50.25,
      release: expect.objectContaining({ version: 2, body: 'a: 2' }) as unknown,
    },
    history: [],
    managed: true,
  })
  expect(authority.getDocument(3)).toEqual({ version: 3 })
  expect(change({ kind: 'promote' })).toEqual({ ok: true, version: 4 })
  expect(authority.getDocument().document).toMatchObject({
    version: 4,
    stable: { version: 2 },
    history: [{ version: 1 }],
  })
})

test('a change on another version than its author saw is a conflict', () => {
  const { change } = open()
  change(publish('a: 1'))
  change(publish('a: 2'))
  for (const ifVersion of [0, 1, 3]) {
    expect(change(publish('a: 3', { ifVersion }))).toEqual({
      ok: false,
      reason: 'conflict',
      version: 2,
    })
  }
  expect(change(publish('a: 3', { ifVersion: 2 }))).toEqual({ ok: true, version: 3 })
})

test('a repeated call gets its first reply, also after a restart', () => {
  const { storage, change } = open()
  const request = publish('a: 1', { changeId: 'same', ifVersion: 0 })
  expect(change(request)).toEqual({ ok: true, version: 1 })
  expect(change(request)).toEqual({ ok: true, version: 1 })
  const again = open(storage)
  expect(again.change(request)).toEqual({ ok: true, version: 1 })
  expect(again.authority.version).toBe(1)
  expect(again.change({ kind: 'promote', changeId: 'same' })).toEqual({
    ok: false,
    reason: 'invalid',
    message: 'changeId must be new, received one of another change',
  })
})

test('a publication and a rollback end a rollout, whose candidate is given up', () => {
  const { authority, change } = open()
  change(publish('a: 1'))
  change(rollout('a: 2'))
  expect(change(rollout('a: 3'))).toMatchObject({ reason: 'invalid' })
  change(publish('a: 4'))
  expect(authority.getDocument().document).not.toHaveProperty('candidate')
  change(rollout('a: 5'))
  change({ kind: 'rollback', toVersion: 1 })
  change(rollout('a: 6'))
  change({ kind: 'abort' })
  expect(authority.getHistory({}).map(({ version, givenUp }) => [version, givenUp])).toEqual([
    [6, true],
    [5, undefined],
    [4, true],
    [3, undefined],
    [2, true],
    [1, undefined],
  ])
  expect(authority.getDocument().document).toMatchObject({
    version: 7,
    stable: { version: 5, rolledBackTo: 1, body: 'a: 1' },
  })
})

test.for(
  (
    [
      [{ kind: 'promote' }, 'there must be a rollout'],
      [{ kind: 'abort' }, 'there must be a rollout'],
      [{ kind: 'ramp', percentage: 5 }, 'there must be a rollout'],
      [{ kind: 'rollback', toVersion: 9 }, 'toVersion must be a release that is kept, received 9'],
      [{ kind: 'rollback', toVersion: 0.5 }, 'toVersion must be a whole number'],
      [{ kind: 'ramp', percentage: 100.1 }, 'percentage must be from 0 to 100'],
      [{ kind: 'ramp', percentage: 0.005 }, 'in steps of 0.01'],
      [{ kind: 'ramp', percentage: NaN }, 'percentage must be from 0 to 100'],
      [{ kind: 'delete' }, 'kind must be one of'],
      [publish('\ud800'), 'body must be well-formed text'],
      [
        publish('日'.repeat(349_526)),
        `body must have at most ${configDocumentLimits.maxBodyBytes} bytes`,
      ],
      [publish('a: 1', { author: '' }), 'author must have 1 to 200 characters'],
      [publish('a: 1', { changeId: 'i'.repeat(129) }), 'changeId must have 1 to 128 characters'],
      [publish('a: 1', { description: 'd'.repeat(1001) }), 'description must have at most 1000'],
      [publish('a: 1', { ifVersion: -1 }), 'ifVersion must be a whole number'],
      [{ kind: 'publish', body: 'a: 1', syntax: 'toml' }, 'syntax must be json or yaml'],
    ] as [Change, string][]
  ).map(([change, message], index) => ({ name: `${index}: ${message}`, change, message })),
)('refuses a change, $name', ({ change, message }) => {
  const { authority, change: make } = open()
  make(publish('a: 1'))
  expect(make(change)).toMatchObject({
    ok: false,
    reason: 'invalid',
    message: expect.stringContaining(message) as unknown,
  })
  expect(authority.version).toBe(1)
})

test('a rollout needs something that the others keep', () => {
  const { change } = open()
  expect(change(rollout('a: 1'))).toEqual({
    ok: false,
    reason: 'invalid',
    message: 'there must be a stable release before a rollout',
  })
})

test('a document tells of 50 releases before, and the time never goes back', () => {
  let nowMs = 5000
  const { authority, change } = open(undefined, () => nowMs--)
  for (let count = 1; count <= 60; count++) change(publish(`a: ${count}`))
  const { document } = authority.getDocument()
  expect(document?.history.map(({ version }) => version)).toEqual(
    Array.from({ length: 50 }, (_, index) => 59 - index),
  )
  expect(document?.changedAtMs).toBe(5000)
  expect(authority.getHistory({ beforeVersion: 3 }).map(({ version }) => version)).toEqual([2, 1])
  expect(() => authority.getHistory({ limit: 101 })).toThrow(RangeError)
  expect(authority.getRelease(10)).toMatchObject({ version: 10, body: 'a: 10' })
  expect(authority.getRelease(61)).toBeNull()
})

test('a write that fails changes nothing', () => {
  const storage = new MapConfigStorage()
  const { authority, change } = open(storage)
  change(publish('a: 1'))
  const before = authority.getDocument()
  storage.save = () => {
    throw new Error('The disk is full')
  }
  expect(() => change(publish('a: 2'))).toThrow('The disk is full')
  expect(authority.getDocument()).toEqual(before)
})

test('whatever is changed in whatever order, versions rise by one and documents are whole', () => {
  const percentage = fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100)
  const version = fc.option(fc.nat({ max: 12 }), { nil: undefined })
  const body = fc.constantFrom('a: 1', 'a: 2', 'b: 3')
  const kind = fc.oneof(
    fc.record({ kind: fc.constant('publish'), body, syntax: fc.constant('yaml') }),
    fc.record({ kind: fc.constant('rollout'), body, syntax: fc.constant('yaml'), percentage }),
    fc.record({ kind: fc.constant('rollback'), toVersion: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant('ramp'), percentage }),
    fc.record({ kind: fc.constantFrom('promote', 'abort') }),
  )
  const steps = fc.array(fc.tuple(kind, version, fc.boolean(), fc.boolean()), { maxLength: 30 })
  fc.assert(
    fc.property(steps, (changes) => {
      let { authority, storage, change } = open()
      const bodies = new Map<number, string>()
      for (const [index, [step, ifVersion, isRepeated, isRestarted]] of changes.entries()) {
        const request = {
          ...step,
          changeId: `change-${index}`,
          ...(ifVersion !== undefined && { ifVersion }),
        }
        const before = authority.getDocument()
        const reply = change(request)
        const after = authority.getDocument()
        if (reply.ok) {
          expect(reply.version).toBe(before.version + 1)
          expect(after.version).toBe(reply.version)
          expect(ifVersion ?? before.version).toBe(before.version)
        } else {
          expect(after).toEqual(before)
        }
        if (isRestarted) ({ authority, storage, change } = open(storage))
        expect(authority.getDocument()).toEqual(after)
        if (isRepeated && reply.ok) expect(change(request as Change)).toEqual(reply)
        if (after.document !== undefined) expect(checkConfigDocument(after.document)).toEqual([])
        // A release is never another one later.
        for (const { version: released } of authority.getHistory({})) {
          const text = authority.getRelease(released)?.body ?? ''
          expect(bodies.get(released) ?? text).toBe(text)
          bodies.set(released, text)
        }
      }
    }),
    { seed: 7, numRuns: 200 },
  )
})
