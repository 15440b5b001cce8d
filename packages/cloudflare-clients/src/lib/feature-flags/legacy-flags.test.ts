import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test } from 'vitest'
import { createFlagIsolate } from '../../../test/support/flag-world.ts'
import { countKV } from '../../../test/support/wrapped-kv.ts'
import { readLegacyFlags } from '../../feature-flags.ts'

afterEach(reset)

async function write(values: Readonly<Record<string, unknown>>): Promise<void> {
  await Promise.all(
    Object.entries(values).map(([name, value]) =>
      env.KV.put(`flag:${name}`, typeof value === 'string' ? value : JSON.stringify(value)),
    ),
  )
}

function bucketingOf(salt: string): object {
  return { algorithm: 'sha256', version: 1, salt }
}

test('reads flags under the names that their fields had', async () => {
  await write({
    plain: true,
    shut: false,
    one: {
      name: 'one',
      enabled: true,
      percentage: 12.5,
      allowList: ['a'],
      blockList: ['b'],
      startTime: '2026-01-01',
      endTime: 1_800_000_000_000,
      description: 'The first',
      metadata: { owner: 'ada' },
    },
    two: { enabled: true, rolloutPercentage: 5, allowedUsers: ['a'], startDate: null },
    three: { enabled: true, rollout: 100, users: ['c'], endsAt: '2027-01-01T00:00:00' },
  })
  expect(await readLegacyFlags(env.KV)).toEqual({
    faults: [],
    flags: {
      plain: { enabled: true, bucketing: bucketingOf('plain') },
      shut: { enabled: false, bucketing: bucketingOf('shut') },
      one: {
        enabled: true,
        percentage: 13,
        allow: ['a'],
        block: ['b'],
        startsAt: '2026-01-01T00:00:00.000Z',
        endsAt: '2027-01-15T08:00:00.000Z',
        description: 'The first',
        metadata: { owner: 'ada' },
        bucketing: bucketingOf('one'),
      },
      two: { enabled: true, percentage: 5, allow: ['a'], bucketing: bucketingOf('two') },
      three: {
        enabled: true,
        percentage: 100,
        allow: ['c'],
        endsAt: '2027-01-01T00:00:00.000Z',
        bucketing: bucketingOf('three'),
      },
    },
  })
})

test('tells of everything that it does not understand, and leaves such flags out', async () => {
  await write({
    good: { enabled: true, createdAt: 5 },
    text: 'on',
    list: [true],
    vague: { percentage: 5 },
    unknown: { enabled: true, environments: ['prod'] },
    twice: { enabled: true, users: ['a'], allowList: ['b'] },
    late: { enabled: true, startTime: 'soon' },
    wide: { enabled: true, percentage: 130 },
  })
  const { flags, faults } = await readLegacyFlags(env.KV, { ignore: ['createdAt'] })
  expect(Object.keys(flags)).toEqual(['good'])
  const found = faults.map(({ flag, path }) => `${flag}: ${path}`).sort()
  expect(found).toEqual([
    'late: startTime',
    'list: ',
    'text: ',
    'twice: allowList',
    'unknown: environments',
    'vague: enabled',
    'wide: percentage',
  ])
})

test('reads several pages of names, those of digits and odd ones too, with a read for each', async () => {
  const names = [
    '__proto__',
    'constructor',
    '1',
    ...Array.from({ length: 248 }, (_, i) => `${i + 2}`),
  ]
  await write(Object.fromEntries(names.map((name) => [name, true])))
  const { kv, operations } = countKV(env.KV)
  const { flags, faults } = await readLegacyFlags(kv)
  expect(faults).toEqual([])
  expect(Object.keys(flags).sort()).toEqual([...names].sort())
  expect(operations.list).toBe(1)
})

test('gives what importFlags takes, for the users that had it', async () => {
  await write({ ramp: { enabled: true, percentage: 25 } })
  const { flags: legacy } = await readLegacyFlags(env.KV)
  const { flags, clock } = createFlagIsolate()
  await clock.run(() => flags.importFlags(legacy))
  // As older code had it, with WebCrypto.
  for (let i = 0; i < 200; i++) {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`user-${i}:ramp`))
    const isIn = new DataView(digest).getUint32(0) % 100 < 25
    expect(flags.evaluate('ramp', { userId: `user-${i}` }, false).value).toBe(isIn)
  }
})
