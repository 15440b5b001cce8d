import { MultiProvider, OpenFeature, ProviderEvents } from '@openfeature/server-sdk'
import { afterEach, describe, expect, test } from 'vitest'
import { createPublishedFlags } from '../../../../test/support/published-flags.ts'
import { createFlagshipBinding } from '../../../../test/support/flagship-binding.ts'
import {
  type FlagshipBinding,
  type FlagshipDetails,
  flagshipProvider,
} from './flagship-provider.ts'
import { createOpenFeatureProvider } from './openfeature-provider.ts'

afterEach(() => OpenFeature.clearProviders())

// The binding's own type fits.
;((binding: Flagship): FlagshipBinding => binding) satisfies unknown

async function createClient(answers: Readonly<Record<string, FlagshipDetails | Error>>) {
  const binding = createFlagshipBinding(answers)
  await OpenFeature.setProviderAndWait('flagship', flagshipProvider(binding))
  return { client: OpenFeature.getClient('flagship'), calls: binding.calls }
}

describe('a Flagship provider', () => {
  test('asks the binding by type, with the context as JSON', async () => {
    const { client, calls } = await createClient({
      page: { value: true, variant: 'on', reason: 'SPLIT' },
      text: { value: 'hi' },
      limit: { value: 5, variant: 'small', reason: 'DEFAULT' },
      theme: { value: { color: 'red' }, variant: 'red', reason: 'TARGETING_MATCH' },
    })
    const context = { targetingKey: 'user-1', born: new Date(0), company: { plan: 'pro' } }
    expect([
      await client.getBooleanDetails('page', false, context),
      await client.getStringDetails('text', ''),
      await client.getNumberDetails('limit', 1),
      await client.getObjectDetails('theme', null),
    ]).toMatchObject([
      { value: true, variant: 'on', reason: 'SPLIT' },
      { value: 'hi', reason: 'UNKNOWN' },
      { value: 5, variant: 'small', reason: 'DEFAULT' },
      { value: { color: 'red' }, variant: 'red', reason: 'TARGETING_MATCH' },
    ])
    expect(calls[0]).toEqual([
      'boolean',
      'page',
      { targetingKey: 'user-1', born: '1970-01-01T00:00:00.000Z', company: { plan: 'pro' } },
    ])
  })

  test.for<readonly [string, FlagshipDetails | Error, string | undefined]>([
    ['a flag that is off', { value: true, reason: 'DISABLED' }, undefined],
    ['another type', { value: 'yes', reason: 'DEFAULT' }, 'TYPE_MISMATCH'],
    ['null', { value: null }, 'TYPE_MISMATCH'],
    ['an error', { value: true, errorCode: 'PARSE_ERROR', errorMessage: 'odd' }, 'PARSE_ERROR'],
    ['an error of its own', { value: true, errorCode: 'ODD' }, 'GENERAL'],
    ['a call that fails', new Error('Network connection lost.'), 'GENERAL'],
  ])('gives the default for %s', async ([, answer, errorCode]) => {
    const { client } = await createClient({ page: answer })
    const details = await client.getBooleanDetails('page', false)
    expect(details).toMatchObject({
      value: false,
      reason: errorCode === undefined ? 'DISABLED' : 'ERROR',
    })
    expect(details.errorCode).toBe(errorCode)
  })

  test('tells that it is ready, as those that are put together need it', async () => {
    const provider = flagshipProvider(createFlagshipBinding({}))
    const told: string[] = []
    provider.events?.addHandler(ProviderEvents.Ready, () => told.push('ready'))
    await provider.initialize?.()
    expect(told).toEqual(['ready'])
  })

  test('is refused without a binding', () => {
    expect(() => flagshipProvider(undefined as never)).toThrow(
      'Cannot create Flagship provider: binding must be a Flagship binding, received undefined (is it configured?)',
    )
  })
})

describe('ours and Flagship behind the SDK’s MultiProvider', () => {
  test('ours answers, and Flagship where a flag is not found', async () => {
    const { reader, publish } = createPublishedFlags()
    await publish({ page: { enabled: true }, share: { enabled: true, percentage: 50 } })
    const binding = createFlagshipBinding({
      theirs: { value: true, variant: 'on', reason: 'SPLIT' },
    })
    const { calls } = binding
    await OpenFeature.setProviderAndWait(
      'both',
      new MultiProvider([
        { provider: createOpenFeatureProvider(reader) },
        { provider: flagshipProvider(binding) },
      ]),
    )
    const client = OpenFeature.getClient('both')
    expect(await client.getBooleanDetails('page', false)).toMatchObject({
      value: true,
      reason: 'STATIC',
    })
    expect(calls).toEqual([])
    expect(await client.getBooleanDetails('theirs', false)).toMatchObject({
      value: true,
      reason: 'SPLIT',
    })
    // What the SDK makes of two that did not find it.
    expect(await client.getBooleanDetails('neither', false)).toMatchObject({
      value: false,
      errorCode: 'GENERAL',
    })
    // Any other error is ours to report.
    expect(await client.getBooleanDetails('share', false)).toMatchObject({
      value: false,
      reason: 'ERROR',
    })
    expect(calls).toHaveLength(2)
  })
})
