import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { createEmptyKV } from '../kv/empty-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { createKeyedDigest } from './keyed-digest.ts'
import { createExposureReporter, type ExposureReporterOptions } from './create-exposure-reporter.ts'
import type { FlagContext, FlagEvaluation } from './flag-evaluation.ts'
import type { FlagExposure } from './flag-options.ts'
import { FlagReader } from './flag-reader.ts'
import type { ReportedExposure } from './reported-exposure.ts'

const startMs = Date.UTC(2026, 0, 1)
let sent: (readonly ReportedExposure[])[]
let events: ClientEvent[]
let ticks: (() => void)[]
let background: Promise<unknown>[]

beforeEach(() => {
  sent = []
  events = []
  ticks = []
  background = []
})

const timers = {
  setTimeout: (callback: () => void, delayMs: number): void => {
    expect(delayMs).toBe(0)
    ticks.push(callback)
  },
  clearTimeout: (): void => undefined,
}

function createReporter(
  options: Partial<ExposureReporterOptions> = {},
): ReturnType<typeof createExposureReporter> {
  return createExposureReporter({
    to: (exposures) => sent.push(exposures),
    timers,
    waitUntil: (work) => background.push(work),
    onEvent: (event) => events.push(event),
    ...options,
  })
}

async function endTick(): Promise<void> {
  for (const tick of ticks.splice(0)) tick()
  await Promise.all(background.splice(0))
}

interface Seen {
  readonly flag?: string
  readonly userId?: string
  readonly context?: FlagContext
  readonly evaluation?: Partial<FlagEvaluation>
  readonly atMs?: number
}

function seen({ flag = 'new-item-page', userId = 'user-1', ...rest }: Seen = {}): FlagExposure {
  return {
    flag,
    context: rest.context ?? { userId, attributes: { email: 'ada@example.com' } },
    evaluation: {
      value: true,
      variant: 'on',
      reason: 'SPLIT',
      decision: 'percentage',
      flagVersion: 3,
      ...rest.evaluation,
    },
    rulesetVersion: 7,
    atMs: rest.atMs ?? startMs,
  }
}

function users(): (string | undefined)[] {
  return sent.flat().map(({ user }) => user)
}

describe('what is reported', () => {
  test('says who saw which variant and why, and nothing of the attributes', async () => {
    const reporter = createReporter()
    reporter(seen({ evaluation: { reason: 'TARGETING_MATCH', decision: 'rule', rule: 'beta' } }))
    await endTick()
    expect(sent).toEqual([
      [
        {
          flag: 'new-item-page',
          variant: 'on',
          // The first 128 bits of SHA-256 of `exposure-user:user-1`.
          user: 'mr5u1kHrTem9xeJvmmR77w',
          reason: 'TARGETING_MATCH',
          decision: 'rule',
          rule: 'beta',
          flagVersion: 3,
          rulesetVersion: 7,
          atMs: startMs,
          sampleRate: 1,
        },
      ],
    ])
  })

  test('is what was about this user, also on a stale ruleset', async () => {
    const reporter = createReporter()
    for (const decision of ['block', 'allow', 'rule', 'percentage', 'split'] as const) {
      reporter(seen({ flag: decision, evaluation: { decision } }))
    }
    reporter(seen({ flag: 'stale', evaluation: { reason: 'STALE', decision: 'split' } }))
    await endTick()
    const flags = sent.flat().map(({ flag }) => flag)
    expect(flags).toEqual(['block', 'allow', 'rule', 'percentage', 'split', 'stale'])
  })

  test('is not what everybody gets, and no error', async () => {
    const reporter = createReporter()
    for (const decision of [
      'disabled',
      'not-started',
      'ended',
      'prerequisite',
      'default',
      'unconfirmed',
    ] as const) {
      reporter(seen({ evaluation: { decision } }))
    }
    const error = { code: 'FLAG_NOT_FOUND', message: 'There is no such flag' } as const
    reporter({
      ...seen(),
      evaluation: { value: false, reason: 'ERROR', flagVersion: 0, error },
    })
    await endTick()
    expect(sent).toEqual([])
  })

  test('is what `which` says, where it is given', async () => {
    const reporter = createReporter({ which: ({ flag }) => flag === 'a' })
    reporter(seen({ flag: 'a', evaluation: { decision: 'default' } }))
    reporter(seen({ flag: 'b' }))
    await endTick()
    expect(sent.flat().map(({ flag, decision }) => [flag, decision])).toEqual([['a', 'default']])
  })
})

test('is the onEvaluation of a reader', async () => {
  const reporter = createReporter({ identify: ({ userId }) => userId })
  const when = { attribute: 'plan', op: 'eq', value: 'paid' } as const
  const flags = new FlagReader(createEmptyKV(), {
    bootstrap: {
      format: 1,
      version: 7,
      changedAtMs: 0,
      flags: {
        all: { enabled: true, version: 1 },
        off: { enabled: false, percentage: 50, version: 1 },
        half: { enabled: true, percentage: 50, allow: ['ada'], version: 2 },
        paid: { enabled: true, percentage: 0, rules: [{ when, percentage: 100 }], version: 3 },
      },
    },
    onEvaluation: reporter,
    now: () => startMs,
  })
  for (const flag of ['all', 'off', 'half', 'paid', 'none']) {
    flags.evaluate(flag, { userId: 'ada', attributes: { plan: 'paid' } }, false)
  }
  await endTick()
  expect(sent.flat()).toMatchObject([
    { flag: 'half', variant: 'on', decision: 'allow', flagVersion: 2, rulesetVersion: 7 },
    { flag: 'paid', variant: 'on', decision: 'rule', flagVersion: 3, user: 'ada' },
  ])
})

describe('who it was', () => {
  test('is hashed under the secret', async () => {
    const secret = 'a secret of at least 32 characters'
    const reporter = createReporter({ secret })
    reporter(seen())
    await endTick()
    const digest = createKeyedDigest(secret)('exposure-user:user-1').subarray(0, 16)
    const hash = btoa(String.fromCharCode(...digest))
    expect(users()).toEqual([hash.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')])
    expect(users()[0]).toHaveLength(22)
  })

  test('is left out with `none`, and users are counted apart all the same', async () => {
    const reporter = createReporter({ identify: 'none' })
    reporter(seen())
    reporter(seen({ userId: 'user-2' }))
    reporter(seen({ userId: 'user-2' }))
    await endTick()
    expect(users()).toEqual([undefined, undefined])
  })

  test('is what a function makes of the context, which also takes the place of the user', async () => {
    const reporter = createReporter({
      identify: ({ attributes }) => attributes?.team as string | undefined,
    })
    reporter(seen({ context: { userId: 'u1', attributes: { team: 'red' } } }))
    reporter(seen({ context: { userId: 'u2', attributes: { team: 'red' } } }))
    reporter(seen({ context: { userId: 'u3' } }))
    await endTick()
    expect(users()).toEqual(['red', undefined])
  })

  test('is nobody without a user, who counts once', async () => {
    const reporter = createReporter()
    reporter(seen({ context: {} }))
    reporter(seen({ context: {} }))
    await endTick()
    expect(users()).toEqual([undefined])
  })
})

describe('repetitions', () => {
  test('of a user, flag, variant and version are left out until dedupeSeconds are over', async () => {
    const reporter = createReporter({ dedupeSeconds: 10 })
    for (const atMs of [startMs, startMs + 9_999, startMs + 10_000, startMs + 10_001]) {
      reporter(seen({ atMs }))
      await endTick()
    }
    expect(sent.flat().map(({ atMs }) => atMs - startMs)).toEqual([0, 10_000])
  })

  test('are none where the user, the flag, the variant or its version is another one', async () => {
    const reporter = createReporter()
    reporter(seen())
    reporter(seen({ userId: 'user-2' }))
    reporter(seen({ flag: 'other' }))
    reporter(seen({ evaluation: { variant: 'off' } }))
    reporter(seen({ evaluation: { flagVersion: 4 } }))
    await endTick()
    expect(sent.flat()).toHaveLength(5)
  })

  test('are told apart whatever names, variants and ids look like', async () => {
    const text = fc.string({ maxLength: 3, unit: fc.constantFrom('1', ' ', '-', 'a') })
    const triple = fc.tuple(text, fc.option(text, { nil: undefined }), text)
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(triple, { selector: (value) => JSON.stringify(value) }),
        async (triples) => {
          sent = []
          const reporter = createReporter()
          for (const [flag, variant, userId] of triples) {
            const { variant: _, ...evaluation } = seen().evaluation
            reporter({
              ...seen({ flag, userId }),
              evaluation: { ...evaluation, ...(variant !== undefined && { variant }) },
            })
          }
          await endTick()
          expect(sent.flat()).toHaveLength(triples.length)
        },
      ),
      { seed: 6, numRuns: 200 },
    )
  })

  test('are remembered for maxRemembered of them, the oldest forgotten first', async () => {
    const reporter = createReporter({ maxRemembered: 2, identify: ({ userId }) => userId })
    for (const userId of ['a', 'b', 'c', 'b', 'a']) reporter(seen({ userId }))
    await endTick()
    expect(users()).toEqual(['a', 'b', 'c', 'a'])
  })

  test('that were reported again count as the newest', async () => {
    const reporter = createReporter({
      maxRemembered: 2,
      dedupeSeconds: 10,
      identify: ({ userId }) => userId,
    })
    const atMs = startMs + 10_000
    reporter(seen({ userId: 'a' }))
    reporter(seen({ userId: 'b' }))
    for (const userId of ['a', 'c', 'a']) reporter(seen({ userId, atMs }))
    await endTick()
    expect(users()).toEqual(['a', 'b', 'a', 'c'])
  })

  test('of ids of any length are found again', async () => {
    const reporter = createReporter()
    const long = 'x'.repeat(100_000)
    for (const userId of [long, `${long}y`, long]) reporter(seen({ userId }))
    await endTick()
    expect(sent.flat()).toHaveLength(2)
  })
})

describe('the sample', () => {
  async function sample(sampleRate: number, flag: string): Promise<Set<string>> {
    sent = []
    const reporter = createReporter({
      sampleRate,
      identify: ({ userId }) => userId,
      maxBuffered: 5_000,
      timers,
    })
    for (let i = 0; i < 4_000; i++) reporter(seen({ flag, userId: `user-${i}` }))
    await endTick()
    return new Set(users() as string[])
  }

  test('has its share of users, and says it', async () => {
    const tenth = await sample(0.1, 'a')
    // Four standard deviations of a binomial distribution around 400.
    expect(Math.abs(tenth.size - 400)).toBeLessThan(4 * Math.sqrt(4_000 * 0.1 * 0.9))
    expect(new Set(sent.flat().map(({ sampleRate }) => sampleRate))).toEqual(new Set([0.1]))
  })

  test('has the same users for all flags, and a larger one has them too', async () => {
    const tenth = await sample(0.1, 'a')
    expect(await sample(0.1, 'b')).toEqual(tenth)
    const third = await sample(0.3, 'a')
    expect([...tenth].filter((user) => !third.has(user))).toEqual([])
  })

  test('always has who is nobody', async () => {
    const reporter = createReporter({ sampleRate: 0.000_001 })
    reporter(seen({ context: {} }))
    await endTick()
    expect(sent.flat()).toMatchObject([{ sampleRate: 1 }])
  })
})

describe('sending', () => {
  test('is one call at the end of a tick, under waitUntil', async () => {
    const reporter = createReporter()
    reporter(seen({ userId: 'a' }))
    reporter(seen({ userId: 'b' }))
    expect(sent).toEqual([])
    expect(background).toHaveLength(1)
    await endTick()
    expect(sent.map((batch) => batch.length)).toEqual([2])
    reporter(seen({ userId: 'c' }))
    await endTick()
    expect(sent.map((batch) => batch.length)).toEqual([2, 1])
  })

  test('happens at once with flush, which waits for the sink', async () => {
    const done = Promise.withResolvers<undefined>()
    const reporter = createReporter({
      to: async (exposures) => {
        await done.promise
        sent.push(exposures)
      },
    })
    reporter(seen())
    const flushed = reporter.flush()
    expect(sent).toEqual([])
    done.resolve(undefined)
    await flushed
    expect(sent).toHaveLength(1)
    await endTick()
    expect(sent).toHaveLength(1)
  })

  test('is begun anew when the request of the timer died with it', async () => {
    const reporter = createReporter()
    reporter(seen({ userId: 'a' }))
    ticks = []
    background = []
    reporter(seen({ userId: 'b', atMs: startMs + 999 }))
    await endTick()
    expect(sent).toEqual([])
    reporter(seen({ userId: 'c', atMs: startMs + 1_000 }))
    await endTick()
    expect(sent.map((batch) => batch.length)).toEqual([3])
  })

  test('takes at most maxBuffered, and the others when they are seen again', async () => {
    const reporter = createReporter({ maxBuffered: 2, identify: ({ userId }) => userId })
    const all = ['a', 'b', 'c', 'd']
    for (const userId of all) reporter(seen({ userId }))
    await endTick()
    expect(users()).toEqual(['a', 'b'])
    expect(events).toMatchObject([
      {
        type: 'store_error',
        client: 'feature-flags',
        error: {
          code: 'exposures_not_reported',
          message: 'Cannot report 2 exposures: at most 2 may wait in a tick',
        },
      },
    ])
    for (const userId of all) reporter(seen({ userId }))
    await endTick()
    expect(users()).toEqual(['a', 'b', 'c', 'd'])
    expect(events).toHaveLength(1)
  })

  test('that fails is reported, and its exposures are sent when they are seen again', async () => {
    let down = true
    const reporter = createReporter({
      to: (exposures) => {
        if (down) throw new Error('Queue is overloaded')
        sent.push(exposures)
      },
    })
    reporter(seen())
    await endTick()
    expect(events).toMatchObject([
      { type: 'store_error', error: { cause: { message: 'Queue is overloaded' } } },
    ])
    down = false
    reporter(seen())
    await endTick()
    expect(sent).toHaveLength(1)
  })

  test('that would fail again is not tried again', async () => {
    let calls = 0
    const reporter = createReporter({
      to: () => {
        calls++
        return Promise.reject(Object.assign(new Error('Too large'), { retryable: false }))
      },
    })
    reporter(seen())
    await endTick()
    reporter(seen())
    await endTick()
    expect(calls).toBe(1)
    expect(events).toHaveLength(1)
  })
})

describe('an evaluation', () => {
  test('is never failed by what is thrown', async () => {
    const boom = (): never => {
      throw new Error('Boom')
    }
    for (const options of [
      { identify: boom },
      { which: boom },
      { waitUntil: boom },
      { timers: { setTimeout: boom, clearTimeout: boom } },
      { to: boom, onEvent: boom },
    ]) {
      const reporter = createReporter(options)
      expect(() => {
        reporter(seen())
      }).not.toThrow()
      await expect(reporter.flush()).resolves.toBeUndefined()
    }
    const reporter = createReporter()
    expect(() => {
      // @ts-expect-error What no reader gives.
      reporter(null)
    }).not.toThrow()
  })

  test('is reported without a word of the user when that fails', async () => {
    const reporter = createReporter({ to: () => Promise.reject(new Error('Down')) })
    reporter(seen({ userId: 'ada@example.com' }))
    await endTick()
    expect(events).toHaveLength(1)
    expect(JSON.stringify(events)).not.toContain('ada')
  })
})

describe('options', () => {
  test('out of their range are refused', () => {
    for (const options of [
      { sampleRate: 0 },
      { sampleRate: 1.1 },
      { sampleRate: NaN },
      { dedupeSeconds: -1 },
      { maxRemembered: 0 },
      { maxBuffered: 0 },
      { secret: 'x'.repeat(31) },
    ]) {
      expect(() => createReporter(options), JSON.stringify(options)).toThrow(RangeError)
    }
  })
})

test.for([{}, { to: undefined }, { to: null }, { to: { writeDataPoint: () => undefined } }])(
  'says at once that there is no sink, with %o',
  (options) => {
    const create = (): unknown => createExposureReporter(options as never)
    expect(create).toThrow(TypeError)
    expect(create).toThrow('Cannot create exposure reporter: to must be a function, received ')
  },
)
