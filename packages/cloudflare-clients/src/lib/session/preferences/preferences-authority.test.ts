import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MapPreferencesStorage } from './map-preferences-storage.ts'
import { PreferencesAuthority } from './preferences-authority.ts'

const startMs = Date.UTC(2026, 0, 1)
const dayMs = 86_400_000

function openPreferences() {
  const storage = new MapPreferencesStorage()
  let nowMs = startMs
  let authority = new PreferencesAuthority(storage, () => nowMs)
  return {
    patch: (fields: Record<string, unknown>, writtenAtMs?: number) =>
      authority.patch({ fields, writtenAtMs }),
    read: () => JSON.parse(authority.get().json ?? 'null') as unknown,
    get authority() {
      return authority
    },
    storage,
    advance: (ms: number) => {
      nowMs += ms
    },
    restart: () => {
      authority = new PreferencesAuthority(storage, () => nowMs)
    },
  }
}

describe('the merging of patches', () => {
  test('replaces values as a whole, leaves absent fields and removes those that are null', () => {
    const { patch, read } = openPreferences()
    patch({ theme: 'dark', mail: { news: true, offers: true }, language: 'en' })
    patch({ mail: { news: false }, language: null })
    expect(read()).toEqual({ theme: 'dark', mail: { news: false } })
  })

  test('takes the write with the higher stamp, and of equal ones the one that arrives later', () => {
    const { patch, read } = openPreferences()
    patch({ theme: 'second' }, startMs - 1000)
    patch({ theme: 'first' }, startMs - 1001)
    expect(read()).toEqual({ theme: 'second' })
    patch({ theme: 'as old' }, startMs - 1000)
    expect(read()).toEqual({ theme: 'as old' })
    patch({ theme: 'third' }, startMs - 999)
    expect(read()).toEqual({ theme: 'third' })
  })

  test('decides for each field of a patch by itself', () => {
    const { patch, read } = openPreferences()
    patch({ a: 'newer' }, startMs - 1)
    patch({ a: 'older', b: 'older' }, startMs - 2)
    expect(read()).toEqual({ a: 'newer', b: 'older' })
  })

  test('takes a write for one of now where its clock is ahead, so that it owns no field', () => {
    const { patch, read, advance } = openPreferences()
    patch({ theme: 'ahead' }, startMs + 365 * dayMs)
    expect(read()).toEqual({ theme: 'ahead' })
    advance(1)
    patch({ theme: 'in time' }, startMs + 1)
    expect(read()).toEqual({ theme: 'in time' })
  })

  test('takes a write without a time for one of now, also when the next machine’s clock is behind', () => {
    const { patch, read, advance, restart } = openPreferences()
    patch({ theme: 'before' })
    restart()
    advance(-5000)
    patch({ theme: 'after' })
    expect(read()).toEqual({ theme: 'after' })
  })

  test('changes nothing for a call that comes again, also where another was written in between', () => {
    const { patch, read, authority, advance, restart } = openPreferences()
    patch({ theme: 'mine' }, startMs + dayMs)
    advance(1000)
    patch({ theme: 'theirs' }, startMs + 1000)
    const { version } = authority.get()
    restart()
    const repeated = patch({ theme: 'mine' }, startMs + dayMs)
    expect(repeated).toMatchObject({ ok: true, version })
    expect(read()).toEqual({ theme: 'theirs' })
  })

  test('knows the last 32 patches and no more', () => {
    const { patch, read } = openPreferences()
    patch({ theme: 'repeated' }, startMs)
    for (let at = 0; at < 31; at++) patch({ theme: at }, startMs)
    patch({ theme: 'repeated' }, startMs)
    expect(read()).toEqual({ theme: 30 })
    patch({ theme: 31 }, startMs)
    patch({ theme: 'repeated' }, startMs)
    expect(read()).toEqual({ theme: 'repeated' })
  })
})

describe('the version of a document', () => {
  test('grows with each change, and with nothing else', () => {
    const { patch, authority } = openPreferences()
    expect(authority.get(0)).toEqual({ version: 0 })
    expect(authority.get()).toEqual({ version: 0, json: '{}' })
    const versions = [{ a: 1 }, { a: 2 }, { a: 2 }, {}, { gone: null }, { a: null }].map(
      (fields) => {
        const reply = patch(fields)
        return reply.ok ? reply.version : -1
      },
    )
    const [first = 0] = versions
    expect(first).toBe(startMs)
    expect(versions.map((version) => version - first)).toEqual([0, 1, 1, 1, 1, 2])
    expect(authority.get(first + 2)).toEqual({ version: first + 2 })
    expect(authority.get(first)).toEqual({ version: first + 2, json: '{}' })
  })

  test('survives a restart', () => {
    const { patch, restart, authority, storage } = openPreferences()
    patch({ a: 1 })
    const before = authority.get()
    restart()
    expect(new PreferencesAuthority(storage, () => startMs).get()).toEqual(before)
  })

  test('grows over an erasure', () => {
    const opened = openPreferences()
    opened.patch({ a: 1 })
    const { version } = opened.authority.delete()
    expect(version).toBe(startMs + 1)
    opened.patch({ a: 1 })
    expect(opened.authority.get()).toEqual({ version: startMs + 2, json: '{"a":1}' })
  })
})

describe('a removed field', () => {
  test('is not brought back by a write from before, within 30 days and after', () => {
    for (const waitMs of [1, 30 * dayMs - 1, 30 * dayMs, 30 * dayMs + 1, 365 * dayMs]) {
      const { patch, read, advance } = openPreferences()
      patch({ theme: 'dark' }, startMs - 10)
      patch({ theme: null }, startMs - 5)
      advance(waitMs)
      // Any change forgets what is over 30 days old.
      patch({ other: 1 })
      patch({ theme: 'late' }, startMs - 6)
      expect(read()).toEqual({ other: 1 })
      patch({ theme: 'new' }, startMs - 4)
      expect(read()).toEqual({ other: 1, theme: 'new' })
    }
  })

  test('is removed also where the write that set it arrives after', () => {
    const { patch, read } = openPreferences()
    patch({ theme: null }, startMs - 5)
    patch({ theme: 'late' }, startMs - 6)
    expect(read()).toEqual({})
  })

  test('takes no room for ever: the newest 100 are known, for 30 days', () => {
    const { patch, storage, advance, read } = openPreferences()
    const countFields = () => (storage.get('preferences') as { fields: unknown[] }).fields.length
    for (let at = 0; at < 150; at++) patch({ [`field${at}`]: null }, startMs - 1000 + at)
    expect(countFields()).toBe(100)
    patch({ field0: 'late', field149: 'late' }, startMs - 1001)
    expect(read()).toEqual({})
    // The newest was removed 851 ms before the start.
    advance(30 * dayMs - 851 - 1)
    patch({ a: 1 })
    expect(countFields()).toBe(2)
    advance(1)
    patch({ a: 2 })
    expect(countFields()).toBe(1)
  })
})

describe('an erasure', () => {
  test('leaves no field, no name and no value behind, and nothing from before comes back', () => {
    const opened = openPreferences()
    opened.patch({ secretName: 'secretValue', gone: null }, startMs - 1)
    opened.authority.delete()
    expect(JSON.stringify(opened.storage.get('preferences'))).not.toMatch(/secret|gone/)
    opened.patch({ secretName: 'late' }, startMs - 1)
    expect(opened.read()).toEqual({})
    opened.advance(1)
    opened.patch({ a: 1 }, startMs + 1)
    expect(opened.read()).toEqual({ a: 1 })
  })

  test('is itself forgotten after 30 days', () => {
    const { patch, authority, storage, advance } = openPreferences()
    expect(authority.idleAtMs()).toBeUndefined()
    patch({ a: 1 })
    expect(authority.idleAtMs()).toBeUndefined()
    authority.delete()
    expect(authority.idleAtMs()).toBe(startMs + 30 * dayMs)
    advance(30 * dayMs - 1)
    authority.deleteIdle()
    expect(authority.isStored()).toBe(true)
    advance(1)
    authority.deleteIdle()
    expect(authority.isStored()).toBe(false)
    expect(storage.get('preferences')).toBeUndefined()
    expect(authority.idleAtMs()).toBeUndefined()
  })
})

describe('the limits of a document', () => {
  test('are 16 KiB of UTF-8, and a patch over them changes nothing', () => {
    const { patch, read } = openPreferences()
    // {"a":"é…"} has 8 bytes beside the letters, of 2 bytes each.
    const fitting = 'é'.repeat((16_384 - 8) / 2)
    expect(patch({ a: fitting })).toMatchObject({ ok: true })
    const over = patch({ a: `${fitting}x`, b: null })
    expect(over).toEqual({ ok: false, reason: 'too_large', limit: 16_384, received: 16_385 })
    expect(read()).toEqual({ a: fitting })
    expect(patch({ a: null, b: 1 })).toMatchObject({ ok: true })
  })

  test('are 100 fields, where removed ones do not count', () => {
    const { patch } = openPreferences()
    const fields = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`f${at}`, at]))
    expect(patch(fields)).toMatchObject({ ok: true })
    const over = { ok: false, reason: 'too_many_fields', limit: 100, received: 101 }
    expect(patch({ one: 'more' })).toEqual(over)
    expect(patch({ f0: null, one: 'more' })).toMatchObject({ ok: true })
    expect(() => patch({ ...fields, another: 1 })).toThrow(
      'Cannot patch preferences: a patch must have at most 100 fields, received 101',
    )
  })

  test('are names of 1 to 64 characters', () => {
    const { patch, read } = openPreferences()
    patch({ x: 1, ['y'.repeat(64)]: 2 })
    for (const name of ['', 'y'.repeat(65)]) {
      expect(() => patch({ [name]: 1 })).toThrow(
        `Cannot patch preferences: a field's name must have 1 to 64 characters, received ${name.length}`,
      )
    }
    expect(read()).toEqual({ x: 1, ['y'.repeat(64)]: 2 })
  })

  test('have no __proto__, at any depth, and take other names of an object’s own for what they are', () => {
    const { patch, read } = openPreferences()
    for (const json of ['{"__proto__":{"a":1}}', '{"a":[{"b":{"__proto__":1}}]}']) {
      const fields = JSON.parse(json) as Record<string, unknown>
      expect(() => patch(fields)).toThrow('no name in it must be __proto__')
    }
    patch({ constructor: 1, hasOwnProperty: 2, toString: '"__proto__":' })
    expect(read()).toEqual({ constructor: 1, hasOwnProperty: 2, toString: '"__proto__":' })
    patch({ constructor: null })
    expect(read()).toEqual({ hasOwnProperty: 2, toString: '"__proto__":' })
  })

  test.for([
    [null, 'null'],
    [[], 'an array'],
    ['a', 'string'],
  ] as const)('are an object: %s is none', ([fields, received]) => {
    const { authority } = openPreferences()
    expect(() => authority.patch({ fields: fields as never })).toThrow(
      `Cannot patch preferences: the patch must be an object, received ${received}`,
    )
  })

  test('are times that are numbers from 0', () => {
    const { patch, read } = openPreferences()
    for (const writtenAtMs of [-1, NaN]) {
      expect(() => patch({ a: 1 }, writtenAtMs)).toThrow(
        `Cannot patch preferences: writtenAtMs must be from 0 to Infinity, received ${writtenAtMs}`,
      )
    }
    patch({ a: 1 }, 0)
    expect(read()).toEqual({ a: 1 })
  })
})

/** Writers whose clocks are up to a day behind or ahead, each with distinct stamps: equal ones go by arrival. */
const writesArbitrary = fc.uniqueArray(
  fc.record({
    stampMs: fc.integer({ min: -dayMs, max: dayMs }),
    fields: fc.dictionary(
      fc.constantFrom('a', 'b', 'c', '2', 'constructor'),
      fc.option(fc.oneof(fc.integer(), fc.constant({ deep: [1] }), fc.string({ maxLength: 4 }))),
      { maxKeys: 4, noNullPrototype: true },
    ),
    restarts: fc.boolean(),
    repeats: fc.boolean(),
  }),
  { selector: ({ stampMs }) => stampMs, maxLength: 12 },
)

const deliveriesArbitrary = writesArbitrary.chain((writes) =>
  fc.tuple(
    fc.constant(writes),
    fc.shuffledSubarray(writes, { minLength: writes.length, maxLength: writes.length }),
  ),
)

type Writes = (typeof deliveriesArbitrary extends fc.Arbitrary<infer T> ? T : never)[0]

function deliver(writes: Writes, nowMs: number): string | undefined {
  const { patch, restart, advance, storage } = openPreferences()
  advance(nowMs - startMs)
  for (const { fields, stampMs, restarts } of writes) {
    patch(fields, startMs + stampMs)
    if (restarts) restart()
  }
  for (const { fields, stampMs, repeats } of writes) if (repeats) patch(fields, startMs + stampMs)
  return new PreferencesAuthority(storage, () => nowMs).get().json
}

/** The last write of each field by its stamp, in the simplest way. */
function expectedOf(writes: Writes): unknown {
  const merged = new Map<string, unknown>()
  for (const { fields } of [...writes].sort((a, b) => a.stampMs - b.stampMs)) {
    for (const [name, value] of Object.entries(fields)) merged.set(name, value)
  }
  return Object.fromEntries([...merged].filter(([, value]) => value !== null))
}

describe('patches of several writers with skewed clocks', () => {
  test('give the same document in any order, repeated or not, where no clock is ahead', () => {
    fc.assert(
      fc.property(deliveriesArbitrary, ([writes, shuffled]) => {
        const nowMs = startMs + dayMs
        const json = deliver(writes, nowMs)
        expect(deliver(shuffled, nowMs)).toBe(json)
        expect(JSON.parse(json ?? '')).toEqual(expectedOf(writes))
      }),
      { seed: 3, numRuns: 500 },
    )
  })

  test('differ by order only in what several clocks that were ahead wrote, where the one that arrives last wins', () => {
    fc.assert(
      fc.property(deliveriesArbitrary, ([, shuffled]) => {
        // What is of now or ahead is above all else, and among itself in the order of arrival.
        const bounded = shuffled.map((write, index) => ({
          ...write,
          stampMs: write.stampMs >= 0 ? index : write.stampMs,
        }))
        expect(JSON.parse(deliver(shuffled, startMs) ?? '')).toEqual(expectedOf(bounded))
      }),
      { seed: 3, numRuns: 500 },
    )
  })
})
