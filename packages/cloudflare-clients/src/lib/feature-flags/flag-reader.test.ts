import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import {
  createFlagIsolate,
  type FlagIsolate,
  seedRuleset,
  toRuleset,
} from '../../../test/support/flag-world.ts'
import { createSimulator } from '../../../test/support/simulated-client.ts'
import { ScriptedFlagAuthority } from '../../../test/support/scripted-flag-authority.ts'
import { FlagReader, type FlagReaderEvent, type FlagExposure } from '../../feature-flags.ts'
import { keys } from '../../index.ts'

const on = { enabled: true }
const off = { enabled: false }
const strict = { enabled: true, strict: { withinSeconds: 10, otherwise: 'off' } }

/** With what KV holds, and what the authority says. */
function createWorld(
  options: Parameters<typeof createFlagIsolate>[0] & {
    readonly stored?: ReturnType<typeof toRuleset>
    readonly hasAuthority?: boolean
  } = {},
): FlagIsolate & { readonly authority: ScriptedFlagAuthority } {
  const { stored = toRuleset(1, { beta: on }), hasAuthority = false, ...rest } = options
  const simulator = options.simulator ?? createSimulator()
  const authority = new ScriptedFlagAuthority(stored, simulator.clock)
  seedRuleset(simulator, stored)
  const isolate = createFlagIsolate({ ...rest, simulator, ...(hasAuthority && { authority }) })
  return { ...isolate, authority }
}

describe('operations', () => {
  const names = Array.from({ length: 20 }, (_, i) => `flag-${i}`)
  const stored = toRuleset(1, Object.fromEntries(names.map((name) => [name, on])))

  test('evaluates 20 flags in a cold isolate with one read, and in a warm one with none', async () => {
    const { flags, clock, simulator } = createWorld({ stored })
    await clock.run(() => Promise.all(names.map((name) => flags.isEnabled(name, { userId: 'u' }))))
    expect(simulator.operations.read).toBe(1)
    await clock.advance(29_999)
    await clock.run(() => Promise.all(names.map((name) => flags.isEnabled(name, { userId: 'u' }))))
    expect(simulator.operations.read).toBe(1)
    await clock.advance(1)
    await clock.run(() => Promise.all(names.map((name) => flags.isEnabled(name))))
    expect(simulator.operations.read).toBe(2)
  })

  test('asks the authority once for a strict flag, and then once for each bound', async () => {
    const { flags, clock, simulator, authority } = createWorld({
      stored: toRuleset(1, { beta: strict }),
      hasAuthority: true,
    })
    for (let second = 0; second <= 60; second++) {
      await clock.run(() => flags.isEnabled('beta'))
      await clock.advance(1000)
    }
    expect(simulator.operations.read).toBe(1)
    expect(authority.calls).toBe(7)
    expect(authority.knownVersions).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  test('asks KV and the authority side by side where everything is confirmed', async () => {
    const { flags, clock, simulator, authority } = createWorld({
      hasAuthority: true,
      confirmWithinSeconds: 5,
    })
    await clock.run(() => flags.ready())
    expect([simulator.operations.read, authority.calls]).toEqual([1, 1])
    await clock.advance(4999)
    await clock.run(() => flags.ready())
    expect(authority.calls).toBe(1)
    await clock.advance(1)
    await clock.run(() => flags.ready())
    expect([simulator.operations.read, authority.calls]).toEqual([1, 2])
  })

  test('holds that there is nothing in KV like anything else', async () => {
    const simulator = createSimulator()
    const { flags, clock } = createFlagIsolate({ simulator })
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'ready', version: 0 })
    await clock.run(() => flags.ready())
    expect(simulator.operations.read).toBe(1)
    expect(flags.evaluate('beta', {}, true)).toMatchObject({
      value: true,
      error: { code: 'FLAG_NOT_FOUND' },
    })
  })

  test('shares a load between requests that come together', async () => {
    const simulator = createSimulator({ latency: { coldReadMs: 300, hotReadMs: 300 } })
    const { flags, clock } = createWorld({ simulator })
    const answers = await clock.run(() =>
      Promise.all(Array.from({ length: 50 }, () => flags.isEnabled('beta'))),
    )
    expect(answers).toEqual(Array.from({ length: 50 }, () => true))
    expect(simulator.operations.read).toBe(1)
  })
})

describe('renewal', () => {
  test('answers at once behind a renewal, and with the new ruleset after it', async () => {
    const { flags, clock, simulator, settle } = createWorld()
    await clock.run(() => flags.ready())
    seedRuleset(simulator, toRuleset(2, { beta: off }))
    await clock.advance(30_000)
    const end = simulator.injectFault({ type: 'slow', delayMs: 500 })
    const beganMs = clock.now()
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(true)
    expect(clock.now()).toBe(beganMs)
    await settle()
    end()
    expect(flags.evaluate('beta', {}, true).value).toBe(false)
  })

  test('waits for it after staleSeconds', async () => {
    const { flags, clock, simulator } = createWorld({ staleSeconds: 10 })
    await clock.run(() => flags.ready())
    seedRuleset(simulator, toRuleset(2, { beta: off }))
    await clock.advance(40_000)
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
  })

  test('waits for it where nothing lives on behind a request', async () => {
    const { flags, clock, simulator } = createWorld({ hasWaitUntil: false })
    await clock.run(() => flags.ready())
    seedRuleset(simulator, toRuleset(2, { beta: off }))
    await clock.advance(30_000)
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
  })

  test('is begun by evaluate too', async () => {
    const { flags, clock, simulator, settle } = createWorld()
    expect(flags.evaluate('beta', {}, false)).toMatchObject({
      value: false,
      reason: 'ERROR',
      error: { code: 'PROVIDER_NOT_READY' },
    })
    await settle()
    expect(flags.evaluate('beta', {}, false)).toMatchObject({ value: true, reason: 'STATIC' })
    await clock.advance(29_999)
    flags.evaluate('beta', {}, false)
    await settle()
    expect(simulator.operations.read).toBe(1)
    await clock.advance(1)
    flags.evaluate('beta', {}, false)
    flags.evaluate('beta', {}, false)
    await settle()
    expect(simulator.operations.read).toBe(2)
  })

  test('says STALE from freshSeconds and staleSeconds on, and not before', async () => {
    const { flags, clock } = createWorld({ freshSeconds: 10, staleSeconds: 20 })
    await clock.run(() => flags.ready())
    await clock.advance(29_999)
    expect(flags.evaluate('beta', {}, false).reason).toBe('STATIC')
    // Its renewal began behind that.
    const { flags: other, clock: otherClock } = createWorld({ freshSeconds: 10, staleSeconds: 20 })
    await otherClock.run(() => other.ready())
    await otherClock.advance(30_000)
    expect(other.evaluate('beta', {}, false)).toMatchObject({ value: true, reason: 'STALE' })
  })

  test('asks a failing KV once a second at most, behind requests', async () => {
    const { flags, clock, simulator } = createWorld()
    await clock.run(() => flags.ready())
    await clock.advance(60_000)
    simulator.resetBill()
    simulator.injectFault({ type: 'error' })
    for (let i = 0; i < 100; i++) {
      expect(await clock.run(() => flags.isEnabled('beta'))).toBe(true)
      await clock.advance(100)
    }
    expect(simulator.operations.read).toBe(10)
  })

  test('takes another ruleset of the same version, as two editors of KV write them', async () => {
    const { flags, clock, simulator, settle } = createWorld()
    await clock.run(() => flags.ready())
    seedRuleset(simulator, toRuleset(1, { beta: off }))
    await clock.advance(30_000)
    await clock.run(() => flags.ready())
    await settle()
    expect(flags.evaluate('beta', {}, true).value).toBe(false)
  })

  test('takes an answer that came too late for who asked', async () => {
    const { flags, clock, simulator, settle } = createWorld({ timeoutMs: 100 })
    const end = simulator.injectFault({ type: 'slow', delayMs: 3000 })
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'none' })
    await settle()
    end()
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'ready', version: 1 })
    expect(simulator.operations.read).toBe(1)
  })

  test('is begun by evaluate too after clearCache, however fresh the ruleset is', async () => {
    const { flags, clock, simulator, settle } = createWorld()
    await clock.run(() => flags.ready())
    await clock.advance(5000)
    flags.clearCache()
    seedRuleset(simulator, toRuleset(2, { beta: off }))
    flags.evaluate('beta', {}, false)
    await settle()
    expect(simulator.operations.read).toBe(2)
    expect(flags.evaluate('beta', {}, true).value).toBe(false)
  })

  test('asks nobody to confirm any more once no flag is strict', async () => {
    const { flags, clock, authority } = createWorld({
      stored: toRuleset(1, { beta: strict }),
      hasAuthority: true,
    })
    await clock.run(() => flags.ready())
    authority.ruleset = toRuleset(2, { beta: on })
    await clock.advance(10_000)
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'ready', version: 2 })
    expect(authority.calls).toBe(2)
    await clock.advance(20_000)
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'ready', version: 2 })
    expect(authority.calls).toBe(2)
  })

  test('is due at once after clearCache, whatever is under way, and goes back no version', async () => {
    const { flags, clock, simulator } = createWorld({ stored: toRuleset(5, { beta: on }) })
    await clock.run(() => flags.ready())
    seedRuleset(simulator, toRuleset(6, { beta: off }))
    flags.clearCache()
    expect(flags.evaluate('beta', {}, false)).toMatchObject({ value: true, reason: 'STATIC' })
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
    seedRuleset(simulator, toRuleset(5, { beta: on }))
    flags.clearCache()
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
  })
})

describe('strict flags', () => {
  test('are confirmed within the bound by ready, from before the authority was asked', async () => {
    const { flags, clock, authority } = createWorld({
      stored: toRuleset(1, { beta: strict }),
      hasAuthority: true,
    })
    await clock.run(() => flags.ready())
    authority.ruleset = toRuleset(2, { beta: { ...strict, enabled: false } })
    await clock.advance(9999)
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(true)
    await clock.advance(1)
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
  })

  test('hold in a request for the bound after its ready, and then no longer', async () => {
    const { flags, clock, authority } = createWorld({
      stored: toRuleset(1, { beta: strict }),
      hasAuthority: true,
    })
    await clock.run(() => flags.ready())
    await clock.advance(9000)
    await clock.run(() => flags.ready())
    authority.state = 'down'
    await clock.advance(9999)
    expect(flags.evaluate('beta', {}, true)).toMatchObject({ value: true, reason: 'STATIC' })
  })

  test('are unconfirmed for who calls evaluate alone after the bound', async () => {
    const { flags, clock, settle } = createWorld({
      stored: toRuleset(1, { beta: strict }),
      hasAuthority: true,
    })
    await clock.run(() => flags.ready())
    await clock.advance(10_001)
    expect(flags.evaluate('beta', {}, true)).toMatchObject({
      value: false,
      variant: 'off',
      reason: 'STALE',
      decision: 'unconfirmed',
    })
    await settle()
    expect(flags.evaluate('beta', {}, true)).toMatchObject({ value: true, reason: 'STATIC' })
  })

  test('are unconfirmed where there is no authority', async () => {
    const { flags, clock } = createWorld({ stored: toRuleset(1, { beta: strict, other: on }) })
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'stale' })
    expect(flags.evaluate('beta', {}, true).decision).toBe('unconfirmed')
    expect(flags.evaluate('other', {}, false)).toMatchObject({ value: true, reason: 'STATIC' })
  })

  test('leave the others as they are while the authority is down', async () => {
    const { flags, clock, authority } = createWorld({
      stored: toRuleset(1, { beta: strict, other: on }),
      hasAuthority: true,
    })
    authority.state = 'down'
    await clock.run(() => flags.ready())
    expect(flags.evaluate('beta', {}, true).decision).toBe('unconfirmed')
    expect(flags.evaluate('other', {}, false)).toMatchObject({ value: true, reason: 'STATIC' })
  })

  test('do not share a call that began too long ago to confirm anything', async () => {
    const oneSecond = { enabled: true, strict: { withinSeconds: 1 } }
    const { flags, clock, authority } = createWorld({
      stored: toRuleset(1, { beta: oneSecond }),
      hasAuthority: true,
    })
    await clock.run(() => flags.ready())
    await clock.advance(5000)
    // It is answered with what was so when it was asked, 5 seconds before.
    authority.state = 'slow'
    const slow = clock.run(() => flags.ready())
    await clock.advance(1500)
    authority.state = 'up'
    authority.ruleset = toRuleset(2, { beta: { ...oneSecond, enabled: false } })
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(false)
    await slow
    await clock.advance(10_000)
    expect(flags.getRuleset()?.version).toBe(2)
  })

  test('are asked of the authority where KV fails and nothing is known', async () => {
    const { flags, clock, simulator, authority } = createWorld({ hasAuthority: true })
    simulator.injectFault({ type: 'error' })
    expect(await clock.run(() => flags.isEnabled('beta'))).toBe(true)
    expect(authority.knownVersions).toEqual([undefined])
  })
})

describe('a bootstrap', () => {
  test('answers until something newer is loaded, and says that it may be old', async () => {
    const { flags, clock } = createWorld({
      bootstrap: toRuleset(3, { beta: off }),
      stored: toRuleset(4, { beta: on }),
    })
    expect(flags.evaluate('beta', {}, true)).toMatchObject({ value: false, reason: 'STALE' })
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'ready', version: 4 })
    expect(flags.evaluate('beta', {}, false)).toMatchObject({ value: true, reason: 'STATIC' })
  })

  test('stays where KV has an older one', async () => {
    const { flags, clock, events } = createWorld({
      bootstrap: toRuleset(9, { beta: off }),
      stored: toRuleset(4, { beta: on }),
    })
    expect(await clock.run(() => flags.ready())).toMatchObject({
      status: 'stale',
      version: 9,
      error: { code: 'outdated', message: 'Cannot read flags: version 4 is before 9' },
    })
    expect(events).toEqual([])
  })

  test('is refused where it is no ruleset', () => {
    const broken = { format: 1 } as never
    expect(() => new FlagReader(env.KV, { bootstrap: broken })).toThrow(
      'Cannot read flags: no ruleset',
    )
  })
})

describe('who is told', () => {
  test('hears of changes, of staleness, and of the end of it, and no more after it left', async () => {
    const { flags, clock, simulator, settle } = createWorld({ staleSeconds: 0 })
    const heard: FlagReaderEvent[] = []
    const leave = flags.subscribe((event) => heard.push(event))
    flags.subscribe(() => {
      throw new Error('A listener that throws changes nothing')
    })
    const end = simulator.injectFault({ type: 'error' })
    await clock.run(() => flags.ready())
    end()
    await clock.run(() => flags.ready())
    seedRuleset(simulator, toRuleset(2, { beta: off }))
    await clock.advance(30_000)
    await clock.run(() => flags.ready())
    const endAgain = simulator.injectFault({ type: 'error' })
    await clock.advance(30_000)
    await clock.run(() => flags.ready())
    endAgain()
    await clock.advance(5000)
    await clock.run(() => flags.ready())
    await settle()
    expect(heard.map(({ type }) => type)).toEqual(['error', 'ready', 'changed', 'stale', 'ready'])
    expect(heard[2]).toMatchObject({ version: 2, before: { version: 1 }, after: { version: 2 } })
    leave()
    seedRuleset(simulator, toRuleset(3, { beta: on }))
    await clock.advance(30_000)
    await clock.run(() => flags.ready())
    expect(heard).toHaveLength(5)
  })

  test('hears of each answer, and cannot break it', async () => {
    const exposures: FlagExposure[] = []
    const { flags, clock } = createWorld({
      onEvaluation: (exposure) => {
        exposures.push(exposure)
        throw new Error('An observer that throws changes nothing')
      },
    })
    await clock.run(() => flags.ready())
    const context = { userId: 'user-1' }
    const evaluation = flags.evaluate('beta', context, false)
    expect(evaluation.value).toBe(true)
    expect(exposures).toEqual([
      { flag: 'beta', context, evaluation, rulesetVersion: 1, atMs: clock.now() },
    ])
    await clock.run(() => flags.getEnabledFlags(context))
    expect(exposures).toHaveLength(1)
  })

  test('hears of KV that fails, and of definitions that cannot be read, once for each load', async () => {
    const stored = toRuleset(1, { beta: on, broken: { enabled: 'yes' } as never })
    const { flags, clock, simulator, events } = createWorld({ stored })
    const end = simulator.injectFault({ type: 'error' })
    await clock.run(() => flags.ready())
    end()
    await clock.run(() => flags.ready())
    await clock.advance(30_000)
    await clock.run(() => flags.ready())
    expect(events).toMatchObject([
      {
        type: 'store_error',
        client: 'feature-flags',
        operation: 'read',
        key: 'flags:default',
        error: { name: 'FlagError', code: 'unavailable', retryable: true },
      },
      { type: 'corrupt_value', key: 'flags:default' },
    ])
    expect(events[1]).toHaveProperty('reason', 'flag "broken" cannot be read')
    expect(flags.evaluate('broken', {}, true)).toMatchObject({ error: { code: 'PARSE_ERROR' } })
    expect(flags.evaluate('beta', {}, false).value).toBe(true)
  })

  test('hears of a KV that is behind only where that lasts too long', async () => {
    const { flags, clock, simulator, events, settle } = createWorld({
      stored: toRuleset(2, { beta: on }),
    })
    const heard: FlagReaderEvent[] = []
    flags.subscribe((event) => heard.push(event))
    await clock.run(() => flags.ready())
    const faulty = { enabled: 'yes' } as never
    for (const old of [toRuleset(1, { beta: off, faulty }), toRuleset(0, {})]) {
      seedRuleset(simulator, old)
      await clock.advance(30_000)
      expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'ready', version: 2 })
      await settle()
    }
    expect(simulator.operations.read).toBe(3)
    expect(heard.map(({ type }) => type)).toEqual(['ready'])
    await clock.advance(300_000)
    await clock.run(() => flags.ready())
    expect(heard[1]).toMatchObject({ type: 'stale', version: 2, error: { code: 'outdated' } })
    seedRuleset(simulator, toRuleset(2, { beta: on }))
    await clock.advance(30_000)
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'ready', version: 2 })
    expect(events).toEqual([])
  })

  test('hears of an authority that is behind', async () => {
    const { flags, clock, authority, events } = createWorld({
      stored: toRuleset(2, { beta: strict }),
      hasAuthority: true,
    })
    authority.ruleset = toRuleset(1, { beta: on })
    expect(await clock.run(() => flags.ready())).toMatchObject({ status: 'stale', version: 2 })
    expect(events).toMatchObject([
      { type: 'store_error', operation: 'confirm', error: { code: 'outdated', retryable: true } },
    ])
  })

  test('hears nothing of what garbage says', async () => {
    const simulator = createSimulator()
    seedRuleset(simulator, '{"flags":{"secret-of-user-1":tru')
    const { flags, clock, events } = createFlagIsolate({ simulator })
    const readiness = await clock.run(() => flags.ready())
    expect(readiness.status).toBe('none')
    expect(events).toMatchObject([
      { type: 'corrupt_value', reason: 'Cannot read flags: no ruleset' },
    ])
    expect(JSON.stringify([events, String(readiness.error)])).not.toContain('secret')
  })
})

describe('calls', () => {
  test('names the flags that are on, in order, and leaves out those that are not of true and false', async () => {
    const { flags, clock } = createWorld({
      stored: toRuleset(1, {
        zebra: on,
        ant: on,
        shut: off,
        colour: { enabled: true, variants: { on: 'red' } },
        mine: { enabled: true, allow: ['user-1'], defaultVariant: 'off' },
      }),
    })
    const ask = (userId: string): Promise<string[]> =>
      clock.run(() => flags.getEnabledFlags({ userId }))
    expect(await ask('user-1')).toEqual(['ant', 'mine', 'zebra'])
    expect(await ask('user-2')).toEqual(['ant', 'zebra'])
  })

  test('reads the key of its environment', async () => {
    for (const environment of ['default', 'preview', 'a.b-c_D.1']) {
      const name = `at-${environment}`
      await env.KV.put(keys.flags(environment), JSON.stringify(toRuleset(1, { [name]: on })))
      const flags = new FlagReader(env.KV, { environment })
      expect(await flags.getEnabledFlags()).toEqual([name])
    }
  })

  test.for([
    [{ environment: 'a:b' }, 'environment'],
    [{ environment: '' }, 'environment'],
    [{ freshSeconds: 0 }, 'freshSeconds'],
    [{ staleSeconds: -1 }, 'staleSeconds'],
    [{ cacheTtlSeconds: 29 }, 'cacheTtlSeconds'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ confirmWithinSeconds: 0 }, 'confirmWithinSeconds'],
  ] as const)('refuses %o', ([options, name]) => {
    expect(() => new FlagReader(env.KV, options)).toThrow(RangeError)
    expect(() => new FlagReader(env.KV, options)).toThrow(`Cannot create flag reader: ${name} must`)
  })

  test('promises no confirmation that nobody can give', () => {
    expect(() => new FlagReader(env.KV, { confirmWithinSeconds: 5 })).toThrow(
      new TypeError('Cannot create flag reader: confirmWithinSeconds needs authority'),
    )
  })

  test('says when the binding is missing', () => {
    const missing = undefined as unknown as KVNamespace
    expect(() => new FlagReader(missing)).toThrow('Cannot create flag reader: kv must be')
  })
})
