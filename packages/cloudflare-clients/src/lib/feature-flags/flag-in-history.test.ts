import { describe, expect, test } from 'vitest'
import { createFlagIsolate, type FlagIsolate } from '../../../test/support/flag-world.ts'
import { createSimulator } from '../../../test/support/simulated-client.ts'
import type { FlagAuthorityCalls } from './flag-authority-calls.ts'
import { memoryFlagAuthority } from './memory-flag-authority.ts'

interface World extends FlagIsolate {
  readonly calls: FlagAuthorityCalls
}

function createWorld(): World {
  const simulator = createSimulator()
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const authority = memoryFlagAuthority({ kv, now: clock.now, timers: clock })
  return { ...createFlagIsolate({ simulator, authority }), calls: authority.getByName('default') }
}

/** Of percentages from 0.01, so that each version of the flag tells which one it is. */
async function change(
  calls: FlagAuthorityCalls,
  name: string,
  versions: { readonly from: number; readonly to: number },
): Promise<void> {
  for (let version = versions.from; version <= versions.to; version++) {
    const target = { kind: 'flag', name } as const
    const next = { enabled: true, percentage: version / 100 }
    const changeId = `change-${version}`
    const reply = await calls.change({ changeId, target, next, author: 'ada' })
    expect(reply).toEqual({ ok: true, version })
  }
}

describe('a revert to a version that is not in the history any more', () => {
  const forgotten = {
    code: 'invalid',
    faults: [{ path: 'toVersion', reason: expect.stringContaining('history') as string }],
  }

  test('is refused, and the oldest that is known is restored', async () => {
    const { flags, clock, calls } = createWorld()
    await clock.run(async () => {
      // The history has versions 4 to 1003, and with what was before each, the state of version 3.
      await change(calls, 'beta', { from: 1, to: 1003 })
      for (const toVersion of [1, 2]) {
        await expect(flags.revertFlag('beta', toVersion)).rejects.toMatchObject(forgotten)
      }
      expect((await calls.getRuleset()).version).toBe(1003)
      await flags.revertFlag('beta', 3)
      expect(flags.getRuleset()?.flags.beta?.percentage).toBe(0.03)
      await expect(flags.revertFlag('beta', 3)).rejects.toThrow(
        'Cannot revert flag "beta": toVersion must be in the history, which has the last 1,000 changes, received 3',
      )
    })
  })

  test('is refused too where the flag was renamed or was not changed since', async () => {
    const { flags, clock, calls } = createWorld()
    await clock.run(async () => {
      await change(calls, 'beta', { from: 1, to: 2 })
      await change(calls, 'other', { from: 3, to: 1003 })
      await expect(flags.revertFlag('beta', 2)).rejects.toMatchObject(forgotten)
      expect(await flags.revertFlag('beta', 3)).toEqual({ version: 1003 })
      await flags.renameFlag('beta', 'gamma')
      await expect(flags.revertFlag('gamma', 2)).rejects.toMatchObject(forgotten)
      expect((await calls.getRuleset()).version).toBe(1004)
    })
  })

  test('is refused for what was written before there was an authority', async () => {
    const alone = createFlagIsolate()
    const { clock, simulator } = alone
    await clock.run(async () => {
      await alone.flags.importFlags({ beta: { enabled: true }, gamma: { enabled: true } })
      const kv = simulator.location('AMS').kv('FLAGS_KV')
      const authority = memoryFlagAuthority({ kv, now: clock.now, timers: clock })
      const { flags } = createFlagIsolate({ simulator, authority })
      expect(await flags.revertFlag('beta', 2)).toEqual({ version: 2 })
      await expect(flags.revertFlag('beta', 1)).rejects.toMatchObject(forgotten)
      await flags.setFlag('beta', { enabled: false })
      await expect(flags.revertFlag('beta', 1)).rejects.toMatchObject(forgotten)
      await flags.revertFlag('beta', 2)
      expect(flags.getRuleset()?.flags.beta?.enabled).toBe(true)
    })
  })
})

describe('a revert to what is no version that there was', () => {
  test.for([0, -1, 1.5, NaN, Infinity, '1', undefined])(
    'is refused at the call, such as one to %s',
    async (toVersion) => {
      const { flags, clock, calls } = createWorld()
      await clock.run(async () => {
        await change(calls, 'beta', { from: 1, to: 2 })
        const reverted = flags.revertFlag('beta', toVersion as number)
        await expect(reverted).rejects.toThrow(RangeError)
        await expect(reverted).rejects.toThrow(
          `Cannot revert flag "beta": toVersion must be a whole number from 1, received ${toVersion}`,
        )
        expect((await calls.getRuleset()).version).toBe(2)
      })
    },
  )

  test('is refused where it is still to come', async () => {
    const { flags, clock, calls } = createWorld()
    await clock.run(async () => {
      await change(calls, 'beta', { from: 1, to: 2 })
      await expect(flags.revertFlag('beta', 3)).rejects.toMatchObject({
        code: 'invalid',
        message: 'Cannot revert flag "beta": toVersion must be at most 2, the newest, received 3',
        faults: [{ path: 'toVersion', reason: 'must be at most 2, the newest, received 3' }],
      })
      await expect(flags.revertFlag('none', 3)).rejects.toMatchObject({ code: 'invalid' })
      expect((await calls.getRuleset()).version).toBe(2)
      expect(await flags.revertFlag('none', 2)).toEqual({ version: 2 })
    })
  })
})

describe('a page of the history', () => {
  test.for([
    [{ limit: 0 }, 'limit must be from 1 to 100, received 0'],
    [{ limit: 101 }, 'limit must be from 1 to 100, received 101'],
    [{ limit: NaN }, 'limit must be from 1 to 100, received NaN'],
    [{ beforeVersion: 0 }, 'beforeVersion must be a whole number from 1, received 0'],
    [{ beforeVersion: 1.5 }, 'beforeVersion must be a whole number from 1, received 1.5'],
    [{ beforeVersion: NaN }, 'beforeVersion must be a whole number from 1, received NaN'],
  ] as const)('is refused at the call with %o', async ([request, message]) => {
    const { flags, clock, calls } = createWorld()
    await clock.run(async () => {
      for (const read of [flags, createFlagIsolate().flags]) {
        const history = read.getHistory(request)
        await expect(history).rejects.toThrow(RangeError)
        await expect(history).rejects.toThrow(`Cannot read history of flags: ${message}`)
      }
      // An authority is also asked by older callers, which do not look.
      await expect((async () => calls.getHistory(request))()).rejects.toThrow(message)
    })
  })

  test('has the smallest and the largest limit, and nothing before version 1', async () => {
    const { flags, clock, calls } = createWorld()
    await clock.run(async () => {
      await change(calls, 'beta', { from: 1, to: 101 })
      expect(await flags.getHistory({ limit: 1 })).toMatchObject([{ version: 101 }])
      expect(await flags.getHistory({ limit: 100 })).toHaveLength(100)
      expect(await flags.getHistory({ beforeVersion: 2 })).toMatchObject([{ version: 1 }])
      expect(await flags.getHistory({ beforeVersion: 1 })).toEqual([])
    })
  })
})
