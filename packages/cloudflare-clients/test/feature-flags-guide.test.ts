import { expect, test } from 'vitest'
import {
  createExposureReporter,
  FeatureFlags,
  memoryFlagAuthority,
  readLegacyFlags,
  type ReportedExposure,
} from '../src/feature-flags.ts'
import { compileRuleset, semverOperators } from '../src/flag-evaluation.ts'
import { createEdgeSimulator } from '../src/testing.ts'
import ownSource from './feature-flags-guide.test.ts?raw'
import { createFlagGuideWorld } from './support/flag-guide-world.ts'
import { readFlagsGuide } from './support/provided.ts'

// The examples of docs/feature-flags.md, each as it stands there.

test('what an answer says', async () => {
  const world = createFlagGuideWorld()
  const flags = world.isolate('AMS')
  await flags.setFlag('new-page', { enabled: true, percentage: 30 }, { author: 'ada' })

  await flags.ready()
  expect(flags.evaluate('new-page', { userId: 'user-1' }, false)).toEqual({
    value: true,
    variant: 'on',
    reason: 'SPLIT',
    decision: 'percentage',
    flagVersion: 1,
  })
  expect(flags.evaluate('no-such-flag', { userId: 'user-1' }, false)).toMatchObject({
    value: false, // the default
    reason: 'ERROR',
    error: { code: 'FLAG_NOT_FOUND' },
  })
})

test('lists, windows and shares', async () => {
  const world = createFlagGuideWorld()
  const flags = world.isolate('AMS')
  await flags.setFlag('new-page', {
    enabled: true,
    startsAt: '2023-11-14T00:00:00Z',
    endsAt: '2026-01-01T00:00:00+01:00',
    block: ['eve'],
    allow: ['ada', 'eve'],
    percentage: 12.5, // steps of 0.01
  })
  await flags.setFlag('button', {
    enabled: true,
    variants: { blue: '#00f', red: '#f00' }, // or numbers, objects, lists
    split: [
      { variant: 'blue', weight: 2 },
      { variant: 'red', weight: 1 },
    ],
  })

  await flags.ready()
  expect(flags.evaluate('new-page', { userId: 'ada' }, false)).toMatchObject({ value: true })
  expect(flags.evaluate('new-page', { userId: 'eve' }, false)).toMatchObject({ decision: 'block' })
  expect(flags.evaluate('button', { userId: 'ada' }, '')).toMatchObject({ value: '#f00' })
})

test('rules and segments', async () => {
  const world = createFlagGuideWorld()
  const flags = world.isolate('AMS')
  await flags.setSegment('staff', {
    when: { attribute: 'email', op: 'ends_with', value: '@example.com' },
  })
  await flags.setFlag('upload-megabytes', {
    enabled: true,
    variants: { small: 10, large: 1000, huge: 9000 },
    defaultVariant: 'small',
    rules: [
      { id: 'staff', when: { segment: 'staff' }, variant: 'huge' },
      {
        id: 'pro',
        when: {
          all: [
            { attribute: 'plan', op: 'in', value: ['pro', 'team'] },
            { attribute: 'app', op: 'semver_gte', value: '2.3.0' },
            { not: { attribute: 'ip', op: 'cidr', value: '203.0.113.0/24' } },
          ],
        },
        variant: 'large',
      },
    ],
  })

  await flags.ready()
  const ask = (attributes: Record<string, string>) =>
    flags.evaluate('upload-megabytes', { userId: 'user-1', attributes }, 5)
  expect(ask({ email: 'ada@example.com' })).toMatchObject({ value: 9000, rule: 'staff' })
  expect(ask({ plan: 'pro', app: '2.10.1' })).toMatchObject({ value: 1000, rule: 'pro' })
  expect(ask({ plan: 'pro', app: '2.3.0-beta.1' })).toMatchObject({ value: 10 })
})

test('raising a percentage only adds users, and a rename moves nobody', async () => {
  const world = createFlagGuideWorld()
  const flags = world.isolate('AMS')
  const users = Array.from({ length: 200 }, (_, i) => `user-${i}`)
  const whoHas = (flag: string) =>
    users.filter((userId) => flags.evaluate(flag, { userId }, false).value)

  await flags.setFlag('new-page', { enabled: true, percentage: 10 })
  const first = whoHas('new-page')
  await flags.updateFlag('new-page', (flag) => ({ enabled: true, ...flag, percentage: 30 }))
  const more = whoHas('new-page')
  await flags.renameFlag('new-page', 'item-page')

  expect(more).toEqual(expect.arrayContaining(first))
  expect(whoHas('item-page')).toEqual(more)
})

test('a kill switch is seen everywhere in time', async () => {
  const world = createFlagGuideWorld()
  const amsterdam = world.isolate('AMS')
  const singapore = world.isolate('SIN')
  const strict = { withinSeconds: 5, otherwise: 'off' }
  await amsterdam.setFlag('checkout', { enabled: true, strict })
  await world.settle()
  expect(await singapore.isEnabled('checkout')).toBe(true)

  await amsterdam.setFlag('checkout', { enabled: false, strict })
  await world.clock.advance(5000) // KV has brought it to nobody yet
  expect(await singapore.isEnabled('checkout')).toBe(false)

  await amsterdam.setFlag('checkout', { enabled: true, strict })
  world.isAuthorityAway = true
  await world.clock.advance(5001)
  await singapore.ready()
  expect(singapore.evaluate('checkout', {}, true)).toMatchObject({
    value: false,
    decision: 'unconfirmed',
  })
})

test('two editors, a mistake, and back', async () => {
  const world = createFlagGuideWorld()
  const ada = world.isolate('AMS')
  const bob = world.isolate('SIN')
  const made = await ada.setFlag('beta', { enabled: true, percentage: 0 }, { author: 'ada' })

  // Read, change, write if nobody else has, and again otherwise: no change is lost.
  const allow = (editor: FeatureFlags, userId: string) =>
    editor.updateFlag('beta', (flag) => ({
      ...(flag ?? { enabled: true }),
      allow: [...(flag?.allow ?? []), userId],
    }))
  await world.clock.run(() => Promise.all([allow(ada, 'user-1'), allow(bob, 'user-2')]))
  expect((await bob.getHistory())[0]?.after).toMatchObject({ allow: ['user-1', 'user-2'] })

  const typo = { enabled: true, percentag: 10 }
  await expect(bob.setFlag('beta', typo)).rejects.toMatchObject({
    code: 'invalid',
    faults: [{ path: 'percentag', reason: 'is not known, did you mean "percentage"?' }],
  })

  await bob.deleteFlag('beta', { author: 'bob', reason: 'not used any more' })
  await ada.revertFlag('beta', made.version, { author: 'ada' })
  expect(ada.getRuleset()?.flags.beta).toMatchObject({ enabled: true, percentage: 0 })
  const [revert, deletion] = await ada.getHistory({ target: { kind: 'flag', name: 'beta' } })
  expect(revert).toMatchObject({ author: 'ada', reason: 'to version 1' })
  expect(deletion).toMatchObject({ author: 'bob', reason: 'not used any more', after: null })
})

test('flags of older code', async () => {
  const world = createFlagGuideWorld()
  const kv = world.simulator.location('AMS').kv('FLAGS_KV')
  await kv.put('flag:beta', '{"enabled":true,"rolloutPercentage":25,"allowedUsers":["ada"]}')
  await kv.put('flag:odd', '{"enabled":true,"regions":["EU"]}')

  const { flags, faults } = await readLegacyFlags(kv)
  expect(faults).toEqual([{ flag: 'odd', path: 'regions', reason: 'is not known' }])
  const { imported } = await world.isolate('AMS').importFlags(flags, { author: 'migration' })
  expect(imported).toEqual(['beta'])
})

test('exposures', async () => {
  const world = createFlagGuideWorld()
  const seen: ReportedExposure[] = []
  const onEvaluation = createExposureReporter({
    to: (exposures) => seen.push(...exposures), // or toAnalyticsEngine(env.EXPOSURES), toQueue(env.QUEUE)
    sampleRate: 1, // of users; each is told once an hour for a variant
  })
  const flags = world.isolate('AMS', { onEvaluation })
  await flags.setFlag('new-page', { enabled: true, percentage: 50 })

  for (let view = 0; view < 100; view++) flags.evaluate('new-page', { userId: 'user-1' }, false)
  await onEvaluation.flush() // a request does not wait for it
  expect(seen).toMatchObject([{ flag: 'new-page', variant: 'on', decision: 'percentage' }])
  expect(seen[0]?.user).not.toBe('user-1') // a hash
})

test('in tests', async () => {
  const simulator = createEdgeSimulator({ consistency: 'strong' })
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('FLAGS_KV')
  const time = { now: clock.now, timers: clock }
  const authority = memoryFlagAuthority({ kv, ...time })
  const flags = new FeatureFlags(kv, { authority, ...time })

  await flags.setFlag('sale', { enabled: true, endsAt: '2023-11-15T00:00:00Z' })
  expect(await flags.isEnabled('sale')).toBe(true)
  await clock.advance(86_400_000)
  expect(await flags.isEnabled('sale')).toBe(false)
})

test('evaluation alone', () => {
  const ruleset = compileRuleset(
    {
      format: 1,
      version: 7,
      flags: {
        beta: {
          enabled: true,
          rules: [
            { when: { attribute: 'app', op: 'semver_gte', value: '2.0.0' }, percentage: 100 },
          ],
          defaultVariant: 'off',
        },
      },
    },
    { operators: [semverOperators] },
  )

  const context = { userId: 'user-1', attributes: { app: '2.1.0' } }
  expect(ruleset.evaluate('beta', context, false, Date.now()).value).toBe(true)
})

test('the guide has these examples and no others', () => {
  const fences = [...readFlagsGuide().matchAll(/^```ts\n(test.*?)^```$/gms)].map(([, code = '']) =>
    code.trim(),
  )
  expect(fences).toHaveLength(10)
  for (const code of fences) expect(ownSource).toContain(code)
})
