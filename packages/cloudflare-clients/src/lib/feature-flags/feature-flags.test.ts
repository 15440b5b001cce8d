import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createFlagIsolate,
  type FlagIsolate,
  seedRuleset,
  toRuleset,
} from '../../../test/support/flag-world.ts'
import { createSimulator } from '../../../test/support/simulated-client.ts'
import { FeatureFlags, type FlagAuditEvent, FlagError } from '../../feature-flags.ts'
import { memoryFlagAuthority, type MemoryFlagAuthority } from './memory-flag-authority.ts'

const on = { enabled: true }
const off = { enabled: false }

interface World extends FlagIsolate {
  readonly authority: MemoryFlagAuthority
  readonly audits: FlagAuditEvent[]
  /** Another isolate, with the same authority. */
  readonly other: FlagIsolate
}

function createWorld(): World {
  const simulator = createSimulator()
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const authority = memoryFlagAuthority({ kv, now: clock.now, timers: clock })
  const audits: FlagAuditEvent[] = []
  const onAudit = (event: FlagAuditEvent): void => void audits.push(event)
  return {
    ...createFlagIsolate({ simulator, authority, onAudit }),
    other: createFlagIsolate({ simulator, authority, location: 'SIN' }),
    authority,
    audits,
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  return error instanceof FlagError ? error.code : String(error)
}

describe('with an authority', () => {
  test('answers from what it wrote as from what it read, before it has read KV', async () => {
    const { flags, authority, clock } = createWorld()
    await clock.run(async () => {
      await flags.setFlag('beta', on)
      expect(flags.evaluate('beta', {}, false)).toMatchObject({ value: true, reason: 'STATIC' })
      expect(await flags.ready()).toMatchObject({ status: 'ready', version: 1 })
      await authority.whenPublished()
    })
  })

  test('has what it wrote at once, and others have it from KV', async () => {
    const { flags, other, clock, authority } = createWorld()
    await clock.run(async () => {
      expect(await flags.setFlag('beta', on)).toEqual({ version: 1 })
      expect(flags.evaluate('beta', {}, false)).toMatchObject({ value: true, flagVersion: 1 })
      await authority.whenPublished()
      expect(await other.flags.isEnabled('beta')).toBe(true)
      expect(await flags.deleteFlag('beta')).toEqual({ version: 2 })
      expect(await flags.isEnabled('beta')).toBe(false)
      expect(await flags.deleteFlag('beta')).toEqual({ version: 2 })
    })
  })

  test('loses no change of many who update one flag', async () => {
    const { flags, other, clock } = createWorld()
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`)
    await clock.run(async () => {
      await flags.setFlag('beta', { enabled: true, defaultVariant: 'off' })
      await Promise.all(
        users.map((user, i) =>
          (i % 2 === 0 ? flags : other.flags).updateFlag('beta', (current) => ({
            enabled: true,
            ...current,
            allow: [...(current?.allow ?? []), user],
          })),
        ),
      )
      await flags.updateFlag('beta', (current) => current)
    })
    expect([...(flags.getRuleset()?.flags.beta?.allow ?? [])].sort()).toEqual(users.sort())
  })

  test('deletes by an update, and leaves alone what is not there', async () => {
    const { flags, clock } = createWorld()
    await clock.run(async () => {
      await flags.setFlag('beta', on)
      expect(await flags.updateFlag('beta', () => null)).toEqual({ version: 2 })
      expect(await flags.updateFlag('beta', () => null)).toEqual({ version: 2 })
      expect(flags.getRuleset()?.flags).toEqual({})
    })
  })

  test('refuses a change of another version, and says what is wrong with a definition', async () => {
    const { flags, clock } = createWorld()
    await clock.run(async () => {
      await flags.setFlag('beta', on)
      expect(await codeOf(flags.setFlag('beta', off, { ifVersion: 0 }))).toBe('conflict')
      await flags.setFlag('beta', off, { ifVersion: 1 })
      const broken = { enabled: true, percentage: 101 }
      const error: unknown = await flags.setFlag('beta', broken).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'invalid', faults: [{ path: 'percentage' }] })
      expect(flags.getRuleset()?.version).toBe(2)
    })
  })

  test('names what could not be changed, and the first of what is wrong with it', async () => {
    const { flags } = createWorld()
    const both = { enabled: true, percentage: 10, split: [{ variant: 'on', weight: 1 }] }
    await expect(flags.setFlag('beta', both)).rejects.toThrow(
      'Cannot change flag "beta": must have only one of percentage and split',
    )
    const many = { enabled: true, a: 1, b: 2, c: 3, d: 4 }
    await expect(flags.setFlag('beta', many)).rejects.toThrow(
      /^Cannot change flag "beta": a is not known; b is not known; c is not known$/,
    )
  })

  test('keeps users where they are over a rename, and takes it back', async () => {
    const { flags, clock } = createWorld()
    const ids = Array.from({ length: 500 }, (_, i) => `user-${i}`)
    const whoHas = (flag: string): string[] =>
      ids.filter((userId) => flags.evaluate(flag, { userId }, false).value)
    await clock.run(async () => {
      await flags.setFlag('beta', { enabled: true, percentage: 30 })
      const before = whoHas('beta')
      expect(before.length).toBeGreaterThan(100)
      await flags.renameFlag('beta', 'gamma')
      expect(whoHas('gamma')).toEqual(before)
      expect(flags.evaluate('beta', {}, false).error?.code).toBe('FLAG_NOT_FOUND')
      await flags.setFlag('gamma', { enabled: true, percentage: 80 })
      expect(whoHas('gamma')).toEqual(expect.arrayContaining(before))
      // Version 1 is from when it had another name.
      await flags.revertFlag('gamma', 1)
      expect(whoHas('gamma')).toEqual(before)
      expect(await codeOf(flags.renameFlag('beta', 'delta'))).toBe('invalid')
    })
  })

  test('reverts to each version that there was', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ flag: fc.constantFrom('a', 'b'), percentage: fc.option(fc.nat(100)) }),
          { minLength: 1, maxLength: 12 },
        ),
        fc.nat(),
        async (steps, pick) => {
          const { flags, clock } = createWorld()
          await clock.run(async () => {
            const states = [flags.getRuleset()?.flags.a?.percentage]
            for (const { flag, percentage } of steps) {
              const next = percentage === null ? null : { enabled: true, percentage }
              const { version } = await flags.updateFlag(flag, () => next)
              states[version] = flags.getRuleset()?.flags.a?.percentage
            }
            // Where every step deleted what was not there, there is no version.
            if (states.length === 1) return
            const toVersion = 1 + (pick % (states.length - 1))
            await flags.revertFlag('a', toVersion)
            expect(flags.getRuleset()?.flags.a?.percentage).toBe(states[toVersion])
          })
        },
      ),
      { seed: 6, numRuns: 40 },
    )
  })

  test('tells who changed what and why, in the history and to the audit', async () => {
    const { flags, clock, audits } = createWorld()
    await clock.run(async () => {
      await flags.setSegment('staff', { when: { attribute: 'staff', op: 'eq', value: true } })
      await flags.setFlag('beta', on, { author: 'ada', reason: 'to try' })
      await flags.renameFlag('beta', 'gamma', { author: 'ben' })
      await flags.deleteFlag('gamma')
      await flags.revertFlag('gamma', 3)
      // It was not there then either.
      await flags.revertFlag('beta', 3)
      await flags.deleteSegment('staff')
      const history = await flags.getHistory({ limit: 2 })
      expect(history).toMatchObject([{ version: 6 }, { version: 5, reason: 'to version 3' }])
    })
    expect(audits).toMatchObject([
      { type: 'segment_set', name: 'staff', version: 1, author: 'unknown' },
      { type: 'flag_set', name: 'beta', version: 2, author: 'ada', reason: 'to try' },
      { type: 'flag_renamed', name: 'gamma', version: 3, author: 'ben' },
      { type: 'flag_deleted', name: 'gamma', version: 4 },
      { type: 'flag_reverted', name: 'gamma', version: 5 },
      { type: 'segment_deleted', name: 'staff', version: 6 },
    ])
  })

  test('imports many with one call, and keeps what comes to be there meanwhile', async () => {
    const { clock, simulator, authority, other } = createWorld()
    const calls = authority.getByName('default')
    let count = 0
    const { flags } = createFlagIsolate({
      simulator,
      authority: {
        getByName: () => ({
          ...calls,
          changeAll: async (request) => {
            if (count++ === 0) await other.flags.setFlag('b', off)
            return calls.changeAll(request)
          },
        }),
      },
    })
    await clock.run(async () => {
      expect(await flags.importFlags({ a: on, b: on, c: on })).toEqual({
        version: 3,
        imported: ['a', 'c'],
        kept: ['b'],
      })
      expect(count).toBe(2)
      expect(flags.getRuleset()?.flags).toMatchObject({ a: on, b: off, c: on })
    })
  })

  test('imports many, whatever they depend on, and keeps what is there', async () => {
    const { flags, clock } = createWorld()
    await clock.run(async () => {
      await flags.setFlag('there', off)
      const dependent = {
        enabled: true,
        prerequisites: [{ flag: 'base' }],
        rules: [{ when: { segment: 'staff' }, variant: 'on' }],
      }
      const imported = { dependent, there: on, base: on }
      const segments = {
        staff: { when: { attribute: 'staff', op: 'exists', value: true } },
      } as const
      expect(await flags.importFlags(imported, { segments })).toEqual({
        version: 4,
        imported: ['dependent', 'base'],
        kept: ['there'],
      })
      expect(flags.evaluate('there', {}, true).value).toBe(false)
      expect(flags.evaluate('dependent', {}, false).value).toBe(true)
      expect(await flags.importFlags(imported, { segments, existing: 'replace' })).toMatchObject({
        imported: ['dependent', 'there', 'base'],
        kept: [],
      })
      expect(flags.evaluate('there', {}, false).value).toBe(true)
    })
  })

  test('takes what is in the bundle for nothing that was written', async () => {
    const simulator = createSimulator()
    const { clock } = simulator
    const kv = simulator.location('AMS').kv('FLAGS_KV')
    const authority = memoryFlagAuthority({ kv, now: clock.now, timers: clock })
    const bootstrap = toRuleset(0, { brought: on })
    const { flags } = createFlagIsolate({ simulator, authority, bootstrap })
    await clock.run(async () => {
      const seen: unknown[] = []
      const nothing = { version: 0 }
      expect(
        await flags.updateFlag('brought', (current) => {
          seen.push(current)
          return null
        }),
      ).toEqual(nothing)
      expect(seen).toEqual([null])
      expect(flags.evaluate('brought', {}, false).value).toBe(true)
      expect(await flags.importFlags({ brought: on, other: off })).toMatchObject({
        version: 2,
        imported: ['brought', 'other'],
        kept: [],
      })
      expect(flags.getRuleset()).toMatchObject({ version: 2, flags: { brought: on, other: off } })
    })
  })

  test('says that the authority failed, and never waits longer than timeoutMs', async () => {
    const simulator = createSimulator()
    const { clock } = simulator
    const getByName = (): never => {
      throw Object.assign(new Error('too many requests'), { overloaded: true })
    }
    const { flags } = createFlagIsolate({ simulator, authority: { getByName } })
    expect(await codeOf(clock.run(() => flags.setFlag('beta', on)))).toBe('overloaded')
    const hanging = { getRuleset: hang, change: hang, changeAll: hang, getHistory: hang }
    const silent = createFlagIsolate({
      simulator,
      authority: { getByName: () => hanging },
      timeoutMs: 500,
    })
    const beganMs = clock.now()
    expect(await codeOf(clock.run(() => silent.flags.setFlag('beta', on)))).toBe('no_answer')
    expect(clock.now() - beganMs).toBe(500)
  })

  test('makes a change although the answer about it cannot be followed', async () => {
    const { clock, simulator, authority } = createWorld()
    const calls = authority.getByName('default')
    const flags = createFlagIsolate({
      simulator,
      authority: { getByName: () => ({ ...calls, getRuleset: hang }) },
    }).flags
    expect(await clock.run(() => flags.setFlag('beta', on))).toEqual({ version: 1 })
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(true)
  })
})

test('has a change with the next request where the answer about it was lost, however fresh the rest is', async () => {
  const { clock, simulator, authority } = createWorld()
  const calls = authority.getByName('default')
  let isSilent = false
  const { flags } = createFlagIsolate({
    simulator,
    authority: {
      getByName: () => ({
        ...calls,
        getRuleset: (version) => (isSilent ? hang() : calls.getRuleset(version)),
      }),
    },
  })
  await clock.run(() => flags.setFlag('beta', on))
  isSilent = true
  await clock.run(() => flags.setFlag('beta', off))
  isSilent = false
  expect(flags.evaluate('beta', {}, false)).toMatchObject({ value: true, flagVersion: 1 })
  expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
})

describe('with KV alone', () => {
  test('has what it wrote at once, with what users are spread by', async () => {
    const flags = new FeatureFlags(env.KV, { environment: 'alone' })
    expect(await flags.setFlag('beta', { enabled: true, percentage: 10 })).toEqual({ version: 1 })
    expect(await flags.getEnabledFlags({ userId: 'user-6' })).toEqual(
      flags.evaluate('beta', { userId: 'user-6' }, false).value ? ['beta'] : [],
    )
    const stored = await env.KV.get('flags:alone', 'json')
    expect(stored).toMatchObject({
      format: 1,
      version: 1,
      flags: { beta: { version: 1, bucketing: { algorithm: 'sha256', version: 1, salt: 'beta' } } },
    })
  })

  test('loses none of the changes that one isolate makes together, a second apart', async () => {
    const simulator = createSimulator({ consistency: 'adverse' })
    const { flags, clock } = createFlagIsolate({ simulator })
    const names = ['a', 'b', 'c', 'd', 'e']
    const beganMs = clock.now()
    await clock.run(() => Promise.all(names.map((name) => flags.setFlag(name, on))))
    expect(Object.keys(flags.getRuleset()?.flags ?? {})).toEqual(names)
    expect(simulator.store('FLAGS_KV').get('flags:default')?.text).toContain('"version":5')
    expect(simulator.operations.write).toBe(5)
    expect(clock.now() - beganMs).toBeGreaterThan(4000)
  })

  test('imports many in one write, or none of them', async () => {
    const simulator = createSimulator()
    const { flags, clock } = createFlagIsolate({ simulator })
    const imported = await clock.run(() => flags.importFlags({ a: on, b: on, c: off }))
    expect(imported).toEqual({ version: 3, imported: ['a', 'b', 'c'], kept: [] })
    expect(simulator.operations.write).toBe(1)
    const broken = { d: on, e: { enabled: true, percentage: -1 } }
    expect(await codeOf(clock.run(() => flags.importFlags(broken)))).toBe('invalid')
    expect(Object.keys(flags.getRuleset()?.flags ?? {})).toEqual(['a', 'b', 'c'])
  })

  test('has no history, no revert and no strict flags', async () => {
    const { flags, clock } = createFlagIsolate()
    const strict = { enabled: true, strict: { withinSeconds: 5 } }
    for (const work of [
      () => flags.getHistory(),
      () => flags.revertFlag('beta', 1),
      () => flags.setFlag('beta', strict),
    ]) {
      expect(await codeOf(clock.run<unknown>(work))).toBe('no_authority')
    }
  })

  test('writes over nothing that is no ruleset, and tells of a KV that fails', async () => {
    const simulator = createSimulator()
    const { flags, clock } = createFlagIsolate({ simulator })
    seedRuleset(simulator, 'something else')
    expect(await codeOf(clock.run(() => flags.setFlag('beta', on)))).toBe('invalid')
    seedRuleset(simulator, toRuleset(4, { beta: off }))
    simulator.injectFault({ type: 'error', operations: ['write'] })
    expect(await codeOf(clock.run(() => flags.setFlag('beta', on)))).toBe('unavailable')
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
  })

  test('goes on from what it knows where KV says something older', async () => {
    const simulator = createSimulator()
    const { flags, clock } = createFlagIsolate({ simulator })
    await clock.run(() => flags.setFlag('a', on))
    await clock.run(() => flags.setFlag('b', on))
    seedRuleset(simulator, toRuleset(1, { a: on }))
    expect(await clock.run(() => flags.setFlag('c', on))).toEqual({ version: 3 })
    expect(await clock.run(() => flags.getEnabledFlags())).toEqual(['a', 'b', 'c'])
  })
})

function hang(): Promise<never> {
  return new Promise(() => undefined)
}
