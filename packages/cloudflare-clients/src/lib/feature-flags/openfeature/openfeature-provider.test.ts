import {
  type EvaluationContext,
  type EventDetails,
  OpenFeature,
  type Provider,
  ProviderEvents,
  type ProviderMetadata,
} from '@openfeature/server-sdk'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createPublishedFlags,
  type PublishedFlags,
} from '../../../../test/support/published-flags.ts'
import type { FlagDefinition } from '../flag-definition.ts'
import type { FlagExposure } from '../flag-options.ts'
import {
  createOpenFeatureProvider,
  type FlagTrackingEvent,
  type OpenFeatureProviderOptions,
} from './openfeature-provider.ts'

const logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
}
const isPro = { attribute: 'plan', op: 'eq', value: 'pro' } as const
const flags: Readonly<Record<string, FlagDefinition>> = {
  page: { enabled: true, description: 'The new one' },
  off: { enabled: false, offVariant: null },
  limit: {
    enabled: true,
    variants: { small: 10, large: 1000 },
    defaultVariant: 'small',
    rules: [{ id: 'pro', when: isPro, variant: 'large' }],
    metadata: { team: 'media' },
  },
  share: { enabled: true, percentage: 50 },
  theme: { enabled: true, variants: { on: { color: 'red' } } },
  text: { enabled: true, variants: { on: 'hello' } },
}

let world: PublishedFlags
beforeEach(async () => {
  world = createPublishedFlags()
  await world.publish(flags)
})
afterEach(async () => {
  await OpenFeature.clearProviders()
  OpenFeature.clearHooks()
  OpenFeature.clearHandlers()
})

/** Without the SDK, which does part of the work itself. */
async function createInitialized(options?: OpenFeatureProviderOptions): Promise<Provider> {
  const provider = createOpenFeatureProvider(world.reader, options)
  await provider.initialize?.({})
  return provider
}

/** What a provider tells of, as it tells of it. */
function listenTo(
  provider: Provider,
): { readonly type: string; readonly details: EventDetails | undefined }[] {
  const told: { readonly type: string; readonly details: EventDetails | undefined }[] = []
  for (const type of Object.values(ProviderEvents))
    provider.events?.addHandler(type, (details) => told.push({ type, details }))
  return told
}

describe('an OpenFeature provider', () => {
  test('has a name, which can be chosen', () => {
    const { metadata, runsOn } = createOpenFeatureProvider(world.reader)
    expect([metadata, runsOn]).toEqual([{ name: 'cloudflare-clients' }, 'server'])
    expect(Object.isFrozen(metadata)).toBe(true)
    const named: ProviderMetadata = createOpenFeatureProvider(world.reader, {
      name: 'shop',
    }).metadata
    expect(named).toEqual({ name: 'shop' })
  })

  test('resolves each of the four types, with variant and reason', async () => {
    const provider = await createInitialized()
    expect([
      await provider.resolveBooleanEvaluation('page', false, {}, logger),
      await provider.resolveStringEvaluation('text', '', {}, logger),
      await provider.resolveNumberEvaluation('limit', 1, { plan: 'pro' }, logger),
      await provider.resolveObjectEvaluation('theme', {}, {}, logger),
    ]).toEqual([
      { value: true, variant: 'on', reason: 'STATIC' },
      { value: 'hello', variant: 'on', reason: 'STATIC' },
      { value: 1000, variant: 'large', reason: 'TARGETING_MATCH', flagMetadata: { team: 'media' } },
      { value: { color: 'red' }, variant: 'on', reason: 'STATIC' },
    ])
  })

  test('has the user as the targeting key and all other fields as attributes', async () => {
    const exposures: FlagExposure[] = []
    world = createPublishedFlags({ onEvaluation: (exposure) => exposures.push(exposure) })
    await world.publish(flags)
    const provider = await createInitialized()
    const context: EvaluationContext = {
      targetingKey: 'user-1',
      plan: 'pro',
      born: new Date(0),
      company: { since: new Date(1), days: [new Date(2)], never: new Date(NaN) },
    }
    await provider.resolveBooleanEvaluation('page', false, context, logger)
    expect(exposures[0]?.context).toEqual({
      userId: 'user-1',
      attributes: {
        plan: 'pro',
        born: '1970-01-01T00:00:00.000Z',
        company: {
          since: '1970-01-01T00:00:00.001Z',
          days: ['1970-01-01T00:00:00.002Z'],
          never: null,
        },
      },
    })
  })

  test.for([
    ['FLAG_NOT_FOUND', 'gone', {}],
    ['TYPE_MISMATCH', 'text', {}],
    ['TARGETING_KEY_MISSING', 'share', {}],
    ['INVALID_CONTEXT', 'page', { targetingKey: 5 }],
    ['PARSE_ERROR', 'odd', {}],
  ] as const)('gives the default with %s', async ([errorCode, flag, context]) => {
    await world.publish({ ...flags, odd: { enabled: 'yes' as never } })
    const provider = await createInitialized()
    const asked = context as EvaluationContext
    const resolution = await provider.resolveBooleanEvaluation(flag, true, asked, logger)
    expect(resolution).toMatchObject({ value: true, reason: 'ERROR', errorCode })
    expect(resolution.errorMessage).toMatch(/./)
    expect(resolution.variant).toBeUndefined()
  })

  test('gives no other type for a default of null than the one that is asked for', async () => {
    const provider = await createInitialized()
    expect(await provider.resolveObjectEvaluation('theme', null, {}, logger)).toMatchObject({
      value: { color: 'red' },
    })
    expect(await provider.resolveObjectEvaluation('page', null, {}, logger)).toMatchObject({
      value: null,
      errorCode: 'TYPE_MISMATCH',
    })
  })

  test('has no error in a normal answer, and the caller’s default without a variant', async () => {
    const provider = await createInitialized()
    const resolution = await provider.resolveBooleanEvaluation('off', true, {}, logger)
    expect(resolution).toEqual({ value: true, reason: 'DISABLED' })
  })

  test('explains its answers in their metadata where it is asked to, under the flag’s own', async () => {
    const provider = await createInitialized({ explain: true })
    const resolution = await provider.resolveNumberEvaluation('limit', 1, { plan: 'pro' }, logger)
    expect(resolution.flagMetadata).toEqual({
      flagVersion: 1,
      decision: 'rule',
      rule: 'pro',
      version: '1',
      team: 'media',
    })
  })

  test('asks KV once, and not again while the ruleset is fresh', async () => {
    const provider = await createInitialized()
    for (let i = 0; i < 100; i++) await provider.resolveBooleanEvaluation('page', false, {}, logger)
    expect(world.simulator.operations.read).toBe(1)
  })

  test('is refused without a reader', () => {
    expect(() => createOpenFeatureProvider(undefined as never)).toThrow(
      'Cannot create OpenFeature provider: flags must be a FlagReader, received undefined',
    )
    expect(() => createOpenFeatureProvider(world.reader, { maxRememberedAnswers: 0 })).toThrow(
      'Cannot create OpenFeature provider: maxRememberedAnswers must be from 1 to 100000, received 0',
    )
  })
})

describe('its life', () => {
  test('is uninitialized before, and again after it was closed, however often', async () => {
    const provider = createOpenFeatureProvider(world.reader)
    const ask = () => provider.resolveBooleanEvaluation('page', false, {}, logger)
    expect(await ask()).toMatchObject({ value: false, errorCode: 'PROVIDER_NOT_READY' })
    await provider.initialize?.()
    expect(await ask()).toMatchObject({ value: true })
    await provider.onClose?.()
    await provider.onClose?.()
    expect(await ask()).toMatchObject({ value: false, errorCode: 'PROVIDER_NOT_READY' })
    await provider.initialize?.()
    expect(await ask()).toMatchObject({ value: true })
  })

  test('tells of being ready before initialization ends', async () => {
    const provider = createOpenFeatureProvider(world.reader)
    const told = listenTo(provider)
    await provider.initialize?.()
    expect(told.map(({ type }) => type)).toEqual(['PROVIDER_READY'])

    await provider.onClose?.()
    await provider.initialize?.()
    expect(told.map(({ type }) => type)).toEqual(['PROVIDER_READY', 'PROVIDER_READY'])
  })

  test('tells of an error before initialization fails, and the next evaluation tries again', async () => {
    const endFault = world.injectFault({ type: 'error', status: 500 })
    const provider = createOpenFeatureProvider(world.reader)
    const told = listenTo(provider)
    await expect(OpenFeature.setProviderAndWait('retry', provider)).rejects.toMatchObject({
      code: 'PROVIDER_NOT_READY',
      message: expect.stringContaining('Cannot initialize OpenFeature provider') as string,
    })
    expect(told).toMatchObject([
      {
        type: 'PROVIDER_ERROR',
        details: { errorCode: 'PROVIDER_NOT_READY', message: expect.any(String) as string },
      },
    ])
    const client = OpenFeature.getClient('retry')
    expect(client.providerStatus).toBe('ERROR')
    expect(await client.getBooleanDetails('page', false)).toMatchObject({
      errorCode: 'PROVIDER_NOT_READY',
    })

    endFault()
    await world.clock.advance(60_000)
    expect(await client.getBooleanValue('page', false)).toBe(true)
    expect(client.providerStatus).toBe('READY')
    expect(told.map(({ type }) => type)).toEqual(['PROVIDER_ERROR', 'PROVIDER_READY'])
  })

  test('fails for good where KV refuses the call as malformed', async () => {
    world.injectFault({ type: 'error', status: 400 })
    const provider = createOpenFeatureProvider(world.reader)
    const told = listenTo(provider)
    await expect(provider.initialize?.()).rejects.toMatchObject({ code: 'PROVIDER_FATAL' })
    expect(told).toMatchObject([
      { type: 'PROVIDER_ERROR', details: { errorCode: 'PROVIDER_FATAL' } },
    ])
  })

  test('tells each transition once: stale, and ready again', async () => {
    const provider = await createInitialized()
    const told = listenTo(provider)
    const endFault = world.injectFault({ type: 'error', status: 500 })
    await world.clock.advance(3_600_000)
    for (let i = 0; i < 3; i++) {
      const resolution = await provider.resolveBooleanEvaluation('page', false, {}, logger)
      expect(resolution).toMatchObject({ value: true, variant: 'on', reason: 'STALE' })
    }
    endFault()
    await world.clock.advance(60_000)
    for (let i = 0; i < 3; i++) await provider.resolveBooleanEvaluation('page', false, {}, logger)
    expect(told.map(({ type }) => type)).toEqual(['PROVIDER_STALE', 'PROVIDER_READY'])
    expect(told[0]?.details).toMatchObject({ message: expect.any(String) as string })
  })

  test('begins stale where it answers from what could not be renewed', async () => {
    const bootstrap = {
      format: 1,
      version: 1,
      changedAtMs: 0,
      flags: { page: { enabled: true, version: 1 } },
    } as const
    world = createPublishedFlags({ bootstrap })
    world.injectFault({ type: 'error', status: 500 })
    const provider = createOpenFeatureProvider(world.reader)
    await OpenFeature.setProviderAndWait('stale', provider)
    const client = OpenFeature.getClient('stale')
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    expect(client.providerStatus).toBe('STALE')
    expect(await client.getBooleanValue('page', false)).toBe(true)
  })

  test('tells which flags changed', async () => {
    const provider = await createInitialized()
    const told = listenTo(provider)
    await world.publish({ ...flags, page: { enabled: false } })
    await world.clock.advance(60_000)
    await provider.resolveBooleanEvaluation('page', false, {}, logger)
    await world.clock.advance(1)
    expect(told).toMatchObject([
      {
        type: 'PROVIDER_CONFIGURATION_CHANGED',
        details: { flagsChanged: ['page'], metadata: { rulesetVersion: 2 } },
      },
    ])
  })

  test('tells nothing more once it is closed', async () => {
    const provider = await createInitialized()
    const told = listenTo(provider)
    await provider.onClose?.()
    await world.publish({})
    await world.clock.advance(3_600_000)
    await world.reader.ready()
    expect(told).toEqual([])
  })
})

describe('handlers of events', () => {
  test('run on clients of this provider and not on others, in spite of one that throws', async () => {
    const ran: string[] = []
    const [ours, other] = [OpenFeature.getClient('ours'), OpenFeature.getClient('other')]
    await OpenFeature.setProviderAndWait(
      'other',
      createOpenFeatureProvider(createPublishedFlags().reader),
    )
    await OpenFeature.setProviderAndWait(
      'ours',
      createOpenFeatureProvider(world.reader, { name: 'shop' }),
    )
    ours.setLogger(logger)
    ours.addHandler(ProviderEvents.ConfigurationChanged, () => {
      throw new Error('of the handler')
    })
    ours.addHandler(ProviderEvents.ConfigurationChanged, (details) =>
      ran.push(`ours ${details?.providerName ?? ''}`),
    )
    other.addHandler(ProviderEvents.ConfigurationChanged, () => ran.push('other'))
    OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, () => ran.push('api'))

    await world.publish({})
    await world.clock.advance(60_000)
    await ours.getBooleanValue('page', false)
    await world.clock.advance(1)
    expect(ran.sort()).toEqual(['api', 'ours shop'])
  })

  test('can be removed, one or all, and one that throws is logged', async () => {
    const { events } = createOpenFeatureProvider(world.reader)
    const logged: unknown[] = []
    const ran: string[] = []
    const one = () => ran.push('one')
    events?.setLogger({ ...logger, error: (...parts) => logged.push(parts[1]) })
    events?.addHandler(ProviderEvents.Ready, one)
    events?.addHandler(ProviderEvents.Ready, one)
    events?.addHandler(ProviderEvents.Ready, () => Promise.reject(new Error('of the handler')))
    events?.removeHandler(ProviderEvents.Ready, one)
    events?.removeHandler(ProviderEvents.Stale, one)
    events?.emit(ProviderEvents.Ready)
    await Promise.resolve()
    await Promise.resolve()
    expect(ran).toEqual(['one'])
    expect(logged).toEqual([new Error('of the handler')])
    events?.removeAllHandlers(ProviderEvents.Ready)
    events?.removeAllHandlers()
    expect(events?.getHandlers(ProviderEvents.Ready)).toEqual([])
  })
})

describe('hooks', () => {
  test('of the provider run innermost, and may add to the context', async () => {
    const order: string[] = []
    const hook = (name: string) => ({
      before: () => {
        order.push(`before ${name}`)
        return name === 'provider' ? { plan: 'pro' } : {}
      },
      after: () => {
        order.push(`after ${name}`)
      },
    })
    const provider = createOpenFeatureProvider(world.reader, { hooks: [hook('provider')] })
    await OpenFeature.setProviderAndWait('hooks', provider)
    const client = OpenFeature.getClient('hooks').addHooks(hook('client'))
    expect(await client.getNumberValue('limit', 1)).toBe(1000)
    expect(order).toEqual(['before client', 'before provider', 'after provider', 'after client'])
  })
})

describe('tracking', () => {
  test('reaches onTrack with who it concerns', async () => {
    const tracked: FlagTrackingEvent[] = []
    const provider = createOpenFeatureProvider(world.reader, {
      onTrack: (event) => tracked.push(event),
    })
    await OpenFeature.setProviderAndWait('track', provider)
    const client = OpenFeature.getClient('track', { plan: 'pro' })
    client.track('checkout', { targetingKey: 'user-1' }, { value: 9.99, currency: 'EUR' })
    client.track('odd', { targetingKey: 5 as never })
    expect(tracked).toEqual([
      {
        name: 'checkout',
        context: { userId: 'user-1', attributes: { plan: 'pro' } },
        details: { value: 9.99, currency: 'EUR' },
      },
      { name: 'odd', context: { attributes: { plan: 'pro' } }, details: {} },
    ])
  })

  test('does nothing without it, or where it throws', async () => {
    await OpenFeature.setProviderAndWait('track', createOpenFeatureProvider(world.reader))
    expect(createOpenFeatureProvider(world.reader).track).toBeUndefined()
    const client = OpenFeature.getClient('track')
    client.track('checkout')
    const onTrack = () => {
      throw new Error('of the callback')
    }
    await OpenFeature.setProviderAndWait(
      'track',
      createOpenFeatureProvider(world.reader, { onTrack }),
    )
    client.track('checkout')
  })
})

describe('remembered answers', () => {
  test('have the reason CACHED, for the same flag and context only', async () => {
    const provider = await createInitialized({ maxRememberedAnswers: 2 })
    const ask = async (context: EvaluationContext) =>
      (await provider.resolveNumberEvaluation('limit', 1, context, logger)).reason
    const pro = { plan: 'pro', age: 5 }
    expect([await ask(pro), await ask({ age: 5, plan: 'pro' }), await ask({})]).toEqual([
      'TARGETING_MATCH',
      'CACHED',
      'DEFAULT',
    ])
    // The least recently used one of three is gone.
    expect([await ask(pro), await ask({ plan: 'x' }), await ask({}), await ask(pro)]).toEqual([
      'CACHED',
      'DEFAULT',
      'DEFAULT',
      'TARGETING_MATCH',
    ])
  })

  test('end with the ruleset, and are not used while it is stale', async () => {
    const provider = await createInitialized({ maxRememberedAnswers: 10 })
    const ask = () => provider.resolveBooleanEvaluation('page', true, {}, logger)
    await ask()
    expect(await ask()).toMatchObject({ value: true, reason: 'CACHED' })
    await world.publish({ ...flags, page: { enabled: false } })
    await world.clock.advance(400_000)
    expect(await ask()).toMatchObject({ value: false, reason: 'DISABLED' })
    world.injectFault({ type: 'error', status: 500 })
    await world.clock.advance(3_600_000)
    expect([await ask(), await ask()]).toMatchObject([{ reason: 'STALE' }, { reason: 'STALE' }])
  })

  test.for<readonly [string, FlagDefinition | undefined]>([
    ['with an end', { enabled: true, endsAt: '2100-01-01T00:00Z' }],
    ['with a start', { enabled: true, startsAt: '2000-01-01T00:00Z' }],
    ['with a strict bound', { enabled: true, strict: { withinSeconds: 5 } }],
    ['with a prerequisite', { enabled: true, prerequisites: [{ flag: 'page' }] }],
    [
      'that compares the time',
      {
        enabled: true,
        rules: [{ when: { attribute: '$now', op: 'gt', value: 1 }, variant: 'on' }],
      },
    ],
    ['that is not there', undefined],
    ['that gives the caller’s default', { enabled: false, offVariant: null }],
  ])('are none of a flag %s', async ([, flag]) => {
    await world.publish({ page: { enabled: true }, ...(flag && { flag }) })
    const provider = await createInitialized({ maxRememberedAnswers: 10 })
    const ask = async () =>
      (await provider.resolveBooleanEvaluation('flag', true, {}, logger)).reason
    expect([await ask(), await ask()]).not.toContain('CACHED')
  })

  test('are none for a context that is no JSON', async () => {
    const provider = await createInitialized({ maxRememberedAnswers: 10 })
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const context = { id: 5n } as unknown as EvaluationContext
    const ask = async (one: EvaluationContext) =>
      (await provider.resolveBooleanEvaluation('page', true, one, logger)).reason
    expect([await ask(context), await ask(context)]).toEqual(['STATIC', 'STATIC'])
    expect(await ask(circle as EvaluationContext)).toBe('STATIC')
  })
})
