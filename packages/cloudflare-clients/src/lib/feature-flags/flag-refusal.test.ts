import { describe, expect, test } from 'vitest'
import { createFlagIsolate, type FlagIsolate } from '../../../test/support/flag-world.ts'
import { createSimulator } from '../../../test/support/simulated-client.ts'
import type { FlagDefinition } from './flag-definition.ts'
import type { FlagAuditEvent } from './flag-options.ts'
import { memoryFlagAuthority } from './memory-flag-authority.ts'

const on = { enabled: true }

interface World extends FlagIsolate {
  readonly audits: readonly FlagAuditEvent[]
}

const worlds = [
  ['an authority', () => createWorld(true)],
  ['KV alone', () => createWorld(false)],
] as const

function createWorld(hasAuthority: boolean): World {
  const simulator = createSimulator()
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const audits: FlagAuditEvent[] = []
  const isolate = createFlagIsolate({
    simulator,
    onAudit: (event) => audits.push(event),
    ...(hasAuthority && { authority: memoryFlagAuthority({ kv, now: clock.now, timers: clock }) }),
  })
  return { ...isolate, audits }
}

describe.for(worlds)('an import with %s', ([, create]) => {
  test('is made as a whole, or not at all', async () => {
    const { flags, clock, audits, simulator } = create()
    await clock.run(async () => {
      await flags.importFlags({ a: on, b: on, c: on }, { author: 'ada' })
      expect(audits.map(({ name, version }) => [name, version])).toEqual([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ])
      const before = flags.getRuleset()
      const broken = { enabled: true, percentage: -1 }
      await expect(
        flags.importFlags({ d: on, a: { enabled: false }, e: broken }, { existing: 'replace' }),
      ).rejects.toMatchObject({ code: 'invalid', faults: [{ path: 'e.percentage' }] })
      expect(audits).toHaveLength(3)
      expect(flags.getRuleset()).toEqual(before)
      // From where it is decided.
      expect(await flags.importFlags({ a: on })).toMatchObject({ version: 3, kept: ['a'] })
      expect(flags.getRuleset()).toEqual(before)
    })
    await clock.advance(5000)
    expect(simulator.operations.write).toBe(1)
  })

  test('is judged by what it makes of all, and not by the order that it comes in', async () => {
    const { flags, clock } = create()
    const inColour = (colour: string) => ({
      base: { enabled: true, variants: { [colour]: true, none: false }, onVariant: colour },
      top: { enabled: true, prerequisites: [{ flag: 'base', variants: [colour] }] },
    })
    const { top, base } = inColour('red')
    await clock.run(async () => {
      await flags.importFlags({ top, base })
      expect(flags.evaluate('top', {}, false).value).toBe(true)
      expect(await flags.importFlags(inColour('green'), { existing: 'replace' })).toMatchObject({
        version: 4,
        imported: ['base', 'top'],
      })
      expect(flags.evaluate('top', {}, false).value).toBe(true)
      await expect(
        flags.importFlags({ other: on, base }, { existing: 'replace' }),
      ).rejects.toMatchObject({
        message: expect.stringMatching(/^Cannot change flag "base": flags\["top"\]/) as string,
      })
    })
  })

  test('says of which flag or segment each fault is', async () => {
    const { flags, clock } = create()
    await clock.run(async () => {
      const broken = { enabled: true, percentage: -1, rules: [{ when: { segment: 'none' } }] }
      const error: unknown = await flags
        .importFlags({ a: on, 'b.c': broken })
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        code: 'invalid',
        message: expect.stringMatching(/^Cannot change flag "b\.c": percentage must be /) as string,
      })
      const { faults } = error as { readonly faults: readonly { readonly path: string }[] }
      expect(faults.map(({ path }) => path)).toEqual(
        expect.arrayContaining(['b.c.percentage', 'b.c.rules[0].when.segment']),
      )
      expect(faults.every(({ path }) => path.startsWith('b.c.'))).toBe(true)
      await expect(
        flags.importFlags({ d: 'on' as unknown as FlagDefinition }),
      ).rejects.toMatchObject({
        message: /^Cannot change flag "d": must be an object/,
        faults: [{ path: 'd' }],
      })
      const segments = { staff: { when: { attribute: 'staff', op: 'equals', value: 1 } as never } }
      await expect(flags.importFlags({ e: on }, { segments })).rejects.toMatchObject({
        message: expect.stringContaining('Cannot change segment "staff": when.op') as string,
        faults: [{ path: 'staff.when.op' }],
      })
    })
  })

  test.for([[[on]], [null], [undefined], ['beta'], [new Map([['beta', on]])]] as const)(
    'refuses what is no record of definitions, such as %o',
    async ([what]) => {
      const { flags, clock, audits } = create()
      const record = what as unknown as Record<string, FlagDefinition>
      await clock.run(async () => {
        const imported = flags.importFlags(record)
        await expect(imported).rejects.toThrow(TypeError)
        await expect(imported).rejects.toThrow(
          'Cannot import flags: flags must be an object of definitions by name, received ',
        )
        if (what === undefined) return
        const withSegments = flags.importFlags({}, { segments: record as never })
        await expect(withSegments).rejects.toThrow(TypeError)
        await expect(withSegments).rejects.toThrow(
          'Cannot import flags: segments must be an object',
        )
      })
      expect(audits).toEqual([])
    },
  )
})

test('an import with KV alone says which flag is strict', async () => {
  const { flags, clock } = createWorld(false)
  const strict = { enabled: true, strict: { withinSeconds: 5 } }
  await clock.run(async () => {
    await expect(flags.importFlags({ a: on, b: strict })).rejects.toMatchObject({
      code: 'no_authority',
      message: 'Cannot change flag "b": a strict one needs an authority, received none',
    })
  })
})

describe.for(worlds)('with %s', ([, create]) => {
  test('what is not there is deleted without a change, so the audit hears nothing', async () => {
    const { flags, clock, audits } = create()
    await clock.run(async () => {
      await flags.setFlag('beta', on)
      expect(await flags.deleteFlag('none')).toEqual({ version: 1 })
      expect(await flags.deleteSegment('beta')).toEqual({ version: 1 })
      expect(await flags.deleteFlag('beta', { ifVersion: 1 })).toEqual({ version: 2 })
      expect(await flags.deleteFlag('beta', { ifVersion: 0 })).toEqual({ version: 2 })
    })
    expect(audits).toMatchObject([
      { type: 'flag_set', name: 'beta', version: 1 },
      { type: 'flag_deleted', name: 'beta', version: 2 },
    ])
  })

  test.for([null, undefined])('what is set to %s is not deleted', async (nothing) => {
    const { flags, clock, audits } = create()
    const definition = nothing as unknown as FlagDefinition
    await clock.run(async () => {
      const segments = {
        staff: { when: { attribute: 'staff', op: 'exists', value: true } },
      } as const
      await flags.importFlags({ beta: on }, { segments })
      const told = audits.length
      for (const [set, message] of [
        [
          () => flags.setFlag('beta', definition),
          `Cannot set flag "beta": definition must be an object, received ${nothing}; deleteFlag deletes a flag`,
        ],
        [
          () => flags.setSegment('staff', nothing as never),
          `Cannot set segment "staff": definition must be an object, received ${nothing}; deleteSegment deletes a segment`,
        ],
        [
          () => flags.importFlags({ a: on, beta: definition }, { existing: 'replace' }),
          `Cannot set flag "beta": definition must be an object, received ${nothing}; deleteFlag deletes a flag`,
        ],
        [
          () => flags.importFlags({ a: on }, { segments: { staff: nothing as never } }),
          `Cannot set segment "staff": definition must be an object, received ${nothing}; deleteSegment deletes a segment`,
        ],
      ] as const) {
        const refused = set()
        await expect(refused).rejects.toThrow(TypeError)
        await expect(refused).rejects.toThrow(message)
      }
      expect(audits).toHaveLength(told)
      // From where it is decided.
      expect(await flags.deleteFlag('none')).toEqual({ version: 2 })
      expect(flags.getRuleset()).toMatchObject({ version: 2, flags: { beta: on } })
    })
  })

  test.for(['', 5, undefined, null, {}, 'a'.repeat(129), 'a\nb'])(
    'a name such as %j is refused as name',
    async (odd) => {
      const { flags, clock, audits } = create()
      const name = odd as string
      await clock.run(async () => {
        for (const work of [
          () => flags.setFlag(name, on),
          () => flags.updateFlag(name, () => on),
          () => flags.deleteFlag(name),
          () => flags.setSegment(name, { when: { attribute: 'a', op: 'exists', value: true } }),
          () => flags.deleteSegment(name),
        ]) {
          await expect(work()).rejects.toMatchObject({
            code: 'invalid',
            message: expect.stringMatching(/: name must be 1 to 128 characters/) as string,
            faults: [{ path: 'name' }],
          })
        }
        expect(audits).toEqual([])
      })
    },
  )

  test('names of a rename are from and to', async () => {
    const { flags, clock } = create()
    await clock.run(async () => {
      await flags.importFlags({ beta: on, gamma: on })
      for (const [from, to, path] of [
        ['beta', '', 'to'],
        ['beta', 'gamma', 'to'],
        ['beta', 'beta', 'from'],
        ['none', 'gamma', 'from'],
      ] as const) {
        await expect(flags.renameFlag(from, to)).rejects.toMatchObject({
          code: 'invalid',
          faults: [{ path }],
        })
      }
      await expect(flags.importFlags({ '': on, 'a\nb': on })).rejects.toMatchObject({
        faults: [{ path: 'name' }],
      })
      await expect(flags.updateFlag('beta', () => undefined as never)).rejects.toMatchObject({
        faults: [{ path: 'definition' }],
      })
    })
  })
})
