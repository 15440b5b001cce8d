import { MultiProvider, OpenFeature, ProviderEvents } from '@openfeature/server-sdk'
import { afterEach, expect, test } from 'vitest'
import { murmur3Bucketing } from '../src/feature-flags.ts'
import {
  createOfrepHandler,
  createOpenFeatureProvider,
  flagshipProvider,
  fromFlagd,
  toFlagd,
} from '../src/openfeature.ts'
import ownSource from './feature-flags-openfeature-guide.test.ts?raw'
import { createPublishedFlags } from './support/published-flags.ts'
import { createFlagshipBinding } from './support/flagship-binding.ts'
import { readFlagsOpenFeatureGuide } from './support/provided.ts'

// The examples of docs/feature-flags-openfeature.md, each as it stands there.

afterEach(() => OpenFeature.clearProviders())

test('a client asks for flags, and hears why it got them', async () => {
  const { reader, publish } = createPublishedFlags()
  const isPro = { attribute: 'plan', op: 'eq', value: 'pro' } as const
  await publish({
    'upload-limit': {
      enabled: true,
      variants: { small: 10, large: 1000 },
      defaultVariant: 'small',
      rules: [{ id: 'pro', when: isPro, variant: 'large' }],
    },
  })

  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(reader, { explain: true }))
  const client = OpenFeature.getClient()

  const context = { targetingKey: 'user-1', plan: 'pro' }
  expect(await client.getNumberDetails('upload-limit', 5, context)).toMatchObject({
    value: 1000,
    variant: 'large',
    reason: 'TARGETING_MATCH',
    flagMetadata: { decision: 'rule', rule: 'pro', flagVersion: 1, version: '1' },
  })
})

test('a client hears when flags change, and when they are old', async () => {
  const { reader, publish, clock, injectFault } = createPublishedFlags()
  await publish({ banner: { enabled: true } })
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(reader))
  const client = OpenFeature.getClient()
  const changed: unknown[] = []
  client.addHandler(ProviderEvents.ConfigurationChanged, (details) =>
    changed.push(details?.flagsChanged),
  )

  await publish({ banner: { enabled: false } })
  await clock.advance(400_000)
  expect(await client.getBooleanValue('banner', true)).toBe(false)
  expect(changed).toEqual([['banner']])

  injectFault({ type: 'error' }) // KV is down
  await clock.advance(3_600_000)
  expect(await client.getBooleanDetails('banner', true)).toMatchObject({
    value: false, // the last that was known
    reason: 'STALE',
  })
  expect(client.providerStatus).toBe('STALE')
})

test('anything that speaks OFREP can ask', async () => {
  const { reader, publish } = createPublishedFlags()
  await publish({ banner: { enabled: true }, secret: { enabled: true } })
  const answer = createOfrepHandler(reader, {
    authorize: ({ headers }) => headers.get('x-api-key') === 'key' || 'unauthorized',
    isPublic: (flag) => flag !== 'secret',
  })

  const all = (headers: Record<string, string>) =>
    answer(
      new Request('https://example.com/ofrep/v1/evaluate/flags', {
        method: 'POST',
        headers: { 'x-api-key': 'key', ...headers },
        body: JSON.stringify({ context: { targetingKey: 'user-1' } }),
      }),
    )

  const first = await all({})
  expect(await first.json()).toEqual({
    flags: [{ key: 'banner', value: true, variant: 'on', reason: 'STATIC' }],
    metadata: { version: '1' },
  })
  const again = await all({ 'if-none-match': first.headers.get('etag') ?? '' })
  expect(again.status).toBe(304)
})

test('flags move in from flagd, and nobody changes sides', async () => {
  const { flags, faults } = fromFlagd({
    flags: {
      color: {
        state: 'ENABLED',
        variants: { red: '#f00', blue: '#00f' },
        defaultVariant: 'red',
        targeting: {
          if: [
            { ends_with: [{ var: 'email' }, '@example.com'] },
            {
              fractional: [
                ['red', 90],
                ['blue', 10],
              ],
            },
          ],
        },
      },
      size: {
        state: 'ENABLED',
        variants: { s: 1, l: 2 },
        defaultVariant: 's',
        targeting: { if: [{ '==': [{ '%': [{ var: 'age' }, 2] }, 0] }, 'l'] },
      },
    },
  })
  expect(Object.keys(flags)).toEqual(['color'])
  expect(faults).toEqual([
    {
      path: 'flags.size.targeting.if[0].==[0]',
      reason: 'must be an attribute or a constant',
    },
  ])

  const { reader, publish } = createPublishedFlags({ algorithms: [murmur3Bucketing] })
  await publish(flags)
  await reader.ready()
  const context = { userId: 'user-2', attributes: { email: 'mara@example.com' } }
  expect(reader.evaluate('color', context, '')).toMatchObject({ value: '#00f', reason: 'SPLIT' })

  const ruleset = reader.getRuleset()
  expect(ruleset && toFlagd(ruleset).faults).toEqual([]) // and back
})

test('ours first, then Flagship', async () => {
  const { reader, publish } = createPublishedFlags()
  await publish({ banner: { enabled: true } })
  const flagship = createFlagshipBinding({
    theirs: { value: 'hello', variant: 'a', reason: 'SPLIT' },
  })

  await OpenFeature.setProviderAndWait(
    new MultiProvider([
      { provider: createOpenFeatureProvider(reader) },
      { provider: flagshipProvider(flagship) }, // env.FLAGSHIP
    ]),
  )

  const client = OpenFeature.getClient()
  expect(await client.getBooleanValue('banner', false)).toBe(true)
  expect(await client.getStringValue('theirs', '')).toBe('hello')
})

test('the guide has these examples and no others', () => {
  const fences = [...readFlagsOpenFeatureGuide().matchAll(/^```ts\n(test.*?)^```$/gms)].map(
    ([, code = '']) => code.trim(),
  )
  expect(fences).toHaveLength(5)
  for (const code of fences) expect(ownSource).toContain(code)
})
