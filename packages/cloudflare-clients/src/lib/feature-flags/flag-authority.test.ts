import { describe, expect, test, vi } from 'vitest'
import type {
  FlagChangeReply,
  FlagChangeRequest,
  FlagChangesRequest,
  FlagFault,
  FlagTarget,
} from './flag-authority-calls.ts'
import { FlagAuthority } from './flag-authority.ts'
import type { FlagDefinition } from './flag-definition.ts'
import { MapFlagStorage } from './map-flag-storage.ts'
import { validateFlag, validateSegment } from './validate-flag.ts'

const startMs = Date.UTC(2026, 0, 1)
let ids = 0

function open(storage = new MapFlagStorage()): FlagAuthority {
  return new FlagAuthority({ storage, now: () => startMs, validateFlag, validateSegment })
}

function toRequest(
  name: string,
  next: FlagChangeRequest['next'],
  options: Partial<FlagChangeRequest> = {},
): FlagChangeRequest {
  const target: FlagTarget = { kind: 'flag', name }
  return { changeId: `change-${++ids}`, target, next, author: 'ada', ...options }
}

/** Of which each change is like `toRequest`'s. */
function toRequests(
  changes: readonly FlagChangeRequest[],
  options: Partial<FlagChangesRequest> = {},
): FlagChangesRequest {
  return { changeId: `change-${++ids}`, author: 'ada', changes, ...options }
}

function faultsOf(reply: FlagChangeReply): readonly FlagFault[] {
  return reply.ok || reply.reason !== 'invalid' ? [] : reply.faults
}

describe('a version', () => {
  test('is that of the flag, so that a change of another flag is no conflict', () => {
    const authority = open()
    authority.change(toRequest('a', { enabled: true }))
    authority.change(toRequest('b', { enabled: true }))
    expect(authority.change(toRequest('a', { enabled: false }, { ifVersion: 1 }))).toEqual({
      ok: true,
      version: 3,
    })
    expect(authority.change(toRequest('a', { enabled: true }, { ifVersion: 1 }))).toEqual({
      ok: false,
      reason: 'conflict',
      version: 3,
    })
  })

  test('of 0 is that of a flag that is not there', () => {
    const authority = open()
    expect(authority.change(toRequest('a', { enabled: true }, { ifVersion: 0 })).ok).toBe(true)
    const again = authority.change(toRequest('a', { enabled: true }, { ifVersion: 0 }))
    expect(again).toEqual({ ok: false, reason: 'conflict', version: 1 })
    expect(authority.change(toRequest('b', null, { ifVersion: 1 }))).toEqual({
      ok: false,
      reason: 'conflict',
      version: 0,
    })
  })
})

describe('bucketing', () => {
  const sha256 = { algorithm: 'sha256', version: 1 }
  const bucketingOf = (authority: FlagAuthority, name: string): unknown =>
    authority.getRuleset().ruleset?.flags[name]?.bucketing

  test('is stored with the first change, and kept by later ones and by renames', () => {
    const authority = open()
    authority.change(toRequest('a', { enabled: true, percentage: 10 }))
    expect(bucketingOf(authority, 'a')).toEqual({ ...sha256, salt: 'a' })
    authority.change(toRequest('b', { enabled: true, percentage: 10 }, { renamedFrom: 'a' }))
    authority.change(toRequest('b', { enabled: true, percentage: 20 }))
    expect(bucketingOf(authority, 'b')).toEqual({ ...sha256, salt: 'a' })
    expect(authority.getRuleset().ruleset?.flags).not.toHaveProperty('a')
  })

  test('is changed only by who says so', () => {
    const authority = open()
    authority.change(toRequest('a', { enabled: true }))
    const bucketing = { algorithm: 'murmur3', version: 2, salt: 'other' }
    authority.change(toRequest('a', { enabled: true, bucketing }))
    authority.change(toRequest('a', { enabled: false }))
    expect(bucketingOf(authority, 'a')).toEqual(bucketing)
  })
})

describe('what others rest on', () => {
  const when = { attribute: 'plan', op: 'eq', value: 'beta' } as const
  const segment = { kind: 'segment', name: 'beta "users"' } as const

  test('is not deleted or renamed, and those that name it are told', () => {
    const authority = open()
    authority.change(toRequest('', { when }, { target: segment }))
    authority.change(toRequest('base', { enabled: true }))
    const rules = [{ when: { not: { segment: segment.name } }, variant: 'on' }]
    authority.change(toRequest('top', { enabled: true, rules, prerequisites: [{ flag: 'base' }] }))
    const deleted = authority.change(toRequest('', null, { target: segment }))
    expect(faultsOf(deleted)).toEqual([
      {
        path: 'flags["top"].rules[0].when.not.segment',
        reason: expect.stringContaining('must name a segment that is there') as string,
      },
    ])
    const renamed = authority.change(
      toRequest('new', { enabled: true }, { renamedFrom: 'base', ifVersion: 2 }),
    )
    expect(faultsOf(renamed)).toMatchObject([{ path: 'flags["top"].prerequisites[0].flag' }])
    const variants = { red: true, green: false }
    const changed = authority.change(toRequest('base', { enabled: true, variants }))
    expect(faultsOf(changed)).toMatchObject([{ path: 'flags["top"].prerequisites[0].variants[0]' }])
    expect(authority.version).toBe(3)
    authority.change(toRequest('top', null))
    expect(authority.change(toRequest('', null, { target: segment })).ok).toBe(true)
  })

  test('does not grow into a chain that is too long, also far from where it is changed', () => {
    const authority = open()
    const chain = (from: number, to: number) => {
      for (let index = from; index <= to; index++) {
        const prerequisites = index === from ? [] : [{ flag: `flag-${index - 1}` }]
        authority.change(toRequest(`flag-${index}`, { enabled: true, prerequisites }))
      }
    }
    chain(1, 10)
    chain(11, 20)
    const { version } = authority
    const joined = { enabled: true, prerequisites: [{ flag: 'flag-10' }] }
    const faults = faultsOf(authority.change(toRequest('flag-11', joined)))
    expect(faults.map(({ path }) => path)).toContain('flags["flag-20"].prerequisites[0].flag')
    expect(authority.version).toBe(version)
  })

  test('may be changed where they were faulty before', () => {
    const storage = new MapFlagStorage()
    const base = { kind: 'flag', name: 'base', version: 1, definition: { enabled: true } } as const
    const definition = { enabled: true, prerequisites: [{ flag: 'base' }], percentage: 101 }
    const faulty = { kind: 'flag', name: 'faulty', version: 1, definition } as const
    storage.adopt({ version: 1, changedAtMs: startMs }, [base, faulty])
    const authority = open(storage)
    expect(authority.change(toRequest('base', { enabled: false })).ok).toBe(true)
    expect(faultsOf(authority.change(toRequest('base', null)))).toMatchObject([
      { path: 'flags["faulty"].prerequisites[0].flag' },
    ])
  })
})

describe('limits', () => {
  /** About as much as a definition may be. */
  const large = (character: string, size = 10_000): FlagDefinition => ({
    enabled: true,
    allow: Array.from({ length: size }, (_, user) => `${character}${user}`.padEnd(23, '-')),
  })

  test('a definition of more than 256 KiB of JSON is refused', () => {
    const authority = open()
    expect(authority.change(toRequest('a', large('u', 9900))).ok).toBe(true)
    const faults = faultsOf(authority.change(toRequest('a', large('日', 9900))))
    expect(faults).toMatchObject([{ path: '', reason: /at most 262144 bytes/ }])
  })

  test('a ruleset of more than 20 MiB of JSON is refused, but not what makes it smaller', () => {
    const storage = new MapFlagStorage()
    const authority = open(storage)
    const definition = large('u')
    let count = 0
    let reply: FlagChangeReply
    do reply = authority.change(toRequest(`flag-${++count}`, definition))
    while (reply.ok)
    expect(faultsOf(reply)).toEqual([
      { path: '', reason: 'must leave the ruleset at most 20971520 bytes as JSON' },
    ])
    const bytes = JSON.stringify(authority.getRuleset().ruleset).length
    expect(bytes).toBeLessThanOrEqual(20_971_520 + 200)
    expect(bytes).toBeGreaterThan(20_600_000)
    // The sum is known after a restart too.
    const again = open(storage)
    expect(again.change(toRequest('more', definition)).ok).toBe(false)
    expect(again.change(toRequest('flag-1', { enabled: false })).ok).toBe(true)
    expect(again.change(toRequest('flag-2', null)).ok).toBe(true)
    expect(again.change(toRequest('more', definition)).ok).toBe(true)
    // A page of the history ends before it is too large for one reply.
    const page = again.getHistory({ limit: 100 })
    expect(JSON.stringify(page).length).toBeLessThanOrEqual(8_388_608)
    expect(page.length).toBeGreaterThan(10)
    expect(page.length).toBeLessThan(40)
  })

  test.for([
    [{ author: 'a'.repeat(201) }, 'author', '1 to 200'],
    [{ author: '\ud800' }, 'author', '1 to 200'],
    [{ reason: 'a'.repeat(1001) }, 'reason', '0 to 1000'],
    [{ changeId: '' }, 'changeId', '1 to 128'],
    [{ target: { kind: 'flag', name: 'a'.repeat(129) } }, 'target.name', '1 to 128'],
    [{ target: { kind: 'flag', name: 'a\nb' } }, 'target.name', 'without control characters'],
    [{ target: { kind: 'flag', name: '\udfff' } }, 'target.name', 'well-formed'],
    [{ ifVersion: 1.5 }, 'ifVersion', 'a whole number from 0'],
    [{ renamedFrom: 'none' }, 'renamedFrom', 'must be a flag that there is'],
  ] as const)('a request with %j is refused', ([options, path, reason]) => {
    const reply = open().change(toRequest('a', { enabled: true }, options))
    expect(faultsOf(reply)).toEqual([{ path, reason: expect.stringContaining(reason) as string }])
  })

  test('what would not come back from JSON as it is is refused', () => {
    for (const odd of [new Date(), NaN, 1n, new Map(), undefined]) {
      const next = { enabled: true, metadata: { list: [odd] } } as unknown as FlagDefinition
      expect(faultsOf(open().change(toRequest('a', next)))).toMatchObject([
        { path: 'metadata.list[0]' },
      ])
    }
  })

  test.for([0, 101, NaN])('a page of %d changes is refused', (limit) => {
    expect(() => open().getHistory({ limit })).toThrow(
      `Cannot read history of flags: limit must be from 1 to 100, received ${limit}`,
    )
  })
})

describe('changes that are made together', () => {
  const many = (names: readonly string[], enabled = true): FlagChangeRequest[] =>
    names.map((name) => toRequest(name, { enabled }))

  test('have a version each, of one time and author, and are one write', () => {
    const storage = new MapFlagStorage()
    const authority = open(storage)
    const save = vi.spyOn(storage, 'save')
    const request = toRequests(many(['a', 'b', 'c']), { author: 'bob', reason: 'to begin' })
    expect(authority.changeAll(request)).toEqual({ ok: true, version: 3 })
    expect(save).toHaveBeenCalledOnce()
    expect(authority.getHistory({})).toMatchObject(
      ['c', 'b', 'a'].map((name, i) => ({
        version: 3 - i,
        target: { name },
        atMs: startMs,
        author: 'bob',
        reason: 'to begin',
      })),
    )
    expect(open(storage).getRuleset()).toEqual(authority.getRuleset())
  })

  test('are refused as a whole, by the first that is wrong', () => {
    const storage = new MapFlagStorage()
    const authority = open(storage)
    authority.change(toRequest('a', { enabled: true }))
    const before = structuredClone(authority.getRuleset())
    const broken = toRequest('c', { enabled: true, percentage: -1 })
    const refusals: [FlagChangeRequest, object][] = [
      [broken, { reason: 'invalid', faults: [{ path: 'percentage' }] }],
      [toRequest('', { enabled: true }), { reason: 'invalid', faults: [{ path: 'target.name' }] }],
      [toRequest('a', { enabled: true }, { ifVersion: 2 }), { reason: 'conflict', version: 1 }],
      [
        toRequest('d', { enabled: true }, { renamedFrom: 'none' }),
        { reason: 'invalid', faults: [{ path: 'renamedFrom' }] },
      ],
      [
        toRequest('d', { enabled: NaN as never }),
        { reason: 'invalid', faults: [{ path: 'enabled' }] },
      ],
    ]
    for (const [wrong, refusal] of refusals) {
      const request = toRequests([...many(['b']), wrong, broken])
      expect(authority.changeAll(request)).toMatchObject({ ok: false, index: 1, ...refusal })
      expect(authority.getRuleset()).toEqual(before)
      expect(open(storage).getRuleset()).toEqual(before)
    }
    expect(authority.changeAll(toRequests([]))).toMatchObject({ faults: [{ path: 'changes' }] })
    expect(authority.getHistory({})).toHaveLength(1)
  })

  test('see each other, and are judged by what is there in the end', () => {
    const authority = open()
    const prerequisites = [{ flag: 'base' }]
    const request = toRequests([
      toRequest('top', { enabled: true, prerequisites }),
      toRequest('first', { enabled: true, percentage: 10 }),
      toRequest('base', { enabled: false }, { renamedFrom: 'first', ifVersion: 2 }),
      toRequest('none', null),
    ])
    expect(authority.changeAll(request)).toEqual({ ok: true, version: 3 })
    expect(authority.getRuleset().ruleset?.flags).toMatchObject({
      top: { version: 1 },
      base: { version: 3, bucketing: { salt: 'first' } },
    })
    const gone = toRequests([toRequest('other', { enabled: true }), toRequest('base', null)])
    expect(authority.changeAll(gone)).toMatchObject({
      index: 1,
      faults: [{ path: 'flags["top"].prerequisites[0].flag' }],
    })
    // What is written over at once goes into the history, from where it may come back.
    const hidden = toRequests([toRequest('a', { enabled: 1 as never }), ...many(['a'])])
    expect(authority.changeAll(hidden)).toMatchObject({ ok: false, reason: 'invalid' })
    const both = toRequests([toRequest('base', null), toRequest('top', null)])
    expect(authority.changeAll(both)).toEqual({ ok: true, version: 5 })
  })

  test('that come again get their first reply, also after a restart and beyond the history', () => {
    const storage = new MapFlagStorage()
    const authority = open(storage)
    const names = Array.from({ length: 1001 }, (_, i) => `flag-${i}`)
    const request = toRequests([...many(names), toRequest('none', null)])
    const refused = toRequests(many(['a', 'b\n']))
    const reply = { ok: true, version: 1001 }
    for (const reach of [() => authority, () => authority, () => open(storage)]) {
      const one = reach()
      expect(one.changeAll(request)).toEqual(reply)
      expect(one.changeAll(refused)).toMatchObject({ ok: false, index: 1 })
      expect(one.version).toBe(1001)
    }
    expect(authority.getHistory({ beforeVersion: 3 })).toMatchObject([{ version: 2 }])
    const { changeId } = request
    expect(authority.changeAll(toRequests(many(['new']), { changeId }))).toMatchObject({
      faults: [{ path: 'changeId' }],
    })
  })

  test('are too large together where each would not be', () => {
    const authority = open()
    const allow = Array.from({ length: 9900 }, (_, user) => `${user}`.padEnd(23, '-'))
    const large = (count: number): FlagChangesRequest =>
      toRequests(
        Array.from({ length: count }, (_, i) => toRequest(`flag-${i}`, { enabled: true, allow })),
      )
    expect(faultsOf(authority.changeAll(large(82)))).toEqual([
      { path: '', reason: 'must leave the ruleset at most 20971520 bytes as JSON' },
    ])
    expect(authority.changeAll(large(80)).ok).toBe(true)
  })
})

test('a write that fails changes nothing', () => {
  const storage = new MapFlagStorage()
  const authority = open(storage)
  authority.change(toRequest('a', { enabled: true }))
  const before = authority.getRuleset()
  const request = toRequest('a', { enabled: false })
  const save = storage.save.bind(storage)
  storage.save = () => {
    throw new Error('full')
  }
  expect(() => authority.change(request)).toThrow('full')
  expect(authority.getRuleset()).toEqual(before)
  storage.save = save
  expect(authority.change(request)).toEqual({ ok: true, version: 2 })
})
