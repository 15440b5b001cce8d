import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'
import { expect, test } from 'vitest'
import type { ConfigAuthorityCalls, ConfigChangeRequest } from '../config-authority-calls.ts'
import { ConfigPublisher } from './config-publisher.ts'
import { memoryConfigAuthority } from './memory-config-authority.ts'
import type { RollOutOptions, RolloutStep } from './roll-out.ts'

const json = { syntax: 'json' } as const

/** A publisher with a stable release, and what was asked of its authority. */
async function open(beforeChange: (request: ConfigChangeRequest) => void = () => undefined) {
  const simulator = createEdgeSimulator()
  const { clock } = simulator
  const kv = simulator.location('AMS').kv('CONFIG_KV')
  const inner = memoryConfigAuthority({ kv, now: clock.now, timers: clock })
  const requests: ConfigChangeRequest[] = []
  const authority = {
    getByName: (name: string): ConfigAuthorityCalls => ({
      ...inner.getByName(name),
      async change(request) {
        requests.push(request)
        beforeChange(request)
        return inner.getByName(name).change(request)
      },
    }),
  }
  const publisher = new ConfigPublisher({ authority, name: 'a', author: 'ada', timers: clock })
  await publisher.publish('{"a":1}', json)
  const steps: RolloutStep[] = []
  const start = (options: Partial<RollOutOptions>) =>
    publisher.rollOut('{"a":2}', {
      ...json,
      probe: () => true,
      onStep: (step) => steps.push(step),
      ...options,
    })
  return { clock, publisher, steps, requests, start }
}

test('takes the candidate from step to step while the probe is well, and then to all', async () => {
  const { clock, publisher, steps, start } = await open()
  const startMs = clock.now()
  let probes = 0
  const result = await clock.run(() => start({ probe: (): boolean => ++probes > 0 }))
  expect(result).toEqual({ status: 'promoted', version: 5 })
  expect(steps).toEqual([
    { percentage: 1, version: 2 },
    { percentage: 10, version: 3 },
    { percentage: 50, version: 4 },
  ])
  // Three times five minutes, with a probe each 15 seconds, and one before.
  expect([clock.now() - startMs, probes]).toEqual([900_000, 61])
  const { document } = await publisher.current()
  expect(document).toMatchObject({ version: 5, stable: { version: 2, body: '{"a":2}' } })
  expect(document).not.toHaveProperty('candidate')
})

test.for([
  ['says no', (): boolean => false, 'the probe failed'],
  [
    'throws',
    (): Promise<boolean> => Promise.reject(new Error('5 % of requests fail')),
    'the probe failed: 5 % of requests fail',
  ],
  [
    'hangs',
    () => new Promise<boolean>(() => undefined),
    'the probe failed: There was no answer within 10000 ms',
  ],
] as const)('gives the candidate up when the probe %s twice in a row', async ([, fail, reason]) => {
  const { clock, publisher, steps, start } = await open()
  const probe = (step: RolloutStep | undefined) => (step?.percentage === 10 ? fail() : true)
  const result = await clock.run(() => start({ probe }))
  expect(result).toEqual({ status: 'aborted', version: 4, reason })
  expect(steps).toHaveLength(2)
  expect((await publisher.current()).document).toMatchObject({ stable: { body: '{"a":1}' } })
  expect(await publisher.history()).toMatchObject([{ version: 2, givenUp: true }, { version: 1 }])
})

test('a single failure is no reason, two in a row are', async () => {
  const { clock, start } = await open()
  let probes = 0
  // Every other one fails.
  const probe = (): boolean => ++probes % 2 === 1
  expect(await clock.run(() => start({ probe }))).toMatchObject({ status: 'promoted' })
  const again = await open()
  const strict = {
    probe: (step: RolloutStep | undefined) => step === undefined,
    failuresToAbort: 1,
  }
  const startMs = again.clock.now()
  expect(await again.clock.run(() => again.start(strict))).toMatchObject({ status: 'aborted' })
  expect(again.clock.now() - startMs).toBe(15_000)
})

test.for([
  ['one probe in each step', { bakeSeconds: 60, probeEverySeconds: 60 }, 120_000],
  [
    'more time between probes than a step has',
    { bakeSeconds: 60, probeEverySeconds: 600 },
    120_000,
  ],
  ['more failures than a step has probes', { bakeSeconds: 30, failuresToAbort: 4 }, 60_000],
] as const)('gives up on a probe that always fails, with %s', async ([, options, tookMs]) => {
  const { clock, publisher, steps, start } = await open()
  const startMs = clock.now()
  const probe = (step: RolloutStep | undefined) => step === undefined
  expect(await clock.run(() => start({ probe, ...options }))).toMatchObject({ status: 'aborted' })
  expect(steps).toEqual([{ percentage: 1, version: 2 }])
  expect(clock.now() - startMs).toBe(tookMs)
  expect((await publisher.current()).document).toMatchObject({ stable: { body: '{"a":1}' } })
})

test('leaves no step after a failure: it is probed on until all is well, or it is enough', async () => {
  const { clock, start } = await open()
  const startMs = clock.now()
  let isLast = true
  const onceAtTheEnd = (step: RolloutStep | undefined) => {
    if (step?.percentage !== 50 || clock.now() - startMs < 900_000) return true
    return (isLast = !isLast)
  }
  expect(await clock.run(() => start({ probe: onceAtTheEnd }))).toMatchObject({
    status: 'promoted',
  })
  expect(clock.now() - startMs).toBe(915_000)
  const again = await open()
  const againMs = again.clock.now()
  const fromTheEndOn = () => again.clock.now() - againMs < 900_000
  expect(await again.clock.run(() => again.start({ probe: fromTheEndOn }))).toMatchObject({
    status: 'aborted',
  })
})

test('begins nothing where the probe fails before', async () => {
  const { clock, publisher, start } = await open()
  expect(await clock.run(() => start({ probe: () => false }))).toEqual({
    status: 'not_started',
    reason: 'the probe failed',
  })
  expect((await publisher.current()).version).toBe(1)
})

test('leaves the configuration to somebody else who changes it meanwhile', async () => {
  const { clock, publisher, start } = await open()
  const probe = async (step: RolloutStep | undefined) => {
    if (step?.percentage === 10) await publisher.publish('{"a":"fix"}', json).catch(() => undefined)
    return true
  }
  const result = await clock.run(() => start({ probe, bakeSeconds: 15 }))
  expect(result).toMatchObject({ status: 'superseded', version: 3 })
  const { document } = await publisher.current()
  expect(document).toMatchObject({ version: 4, stable: { body: '{"a":"fix"}' } })
})

test('gives the candidate up when it is called off', async () => {
  const { clock, start } = await open()
  const controller = new AbortController()
  clock.setTimeout(() => {
    controller.abort()
  }, 100_000)
  const startMs = clock.now()
  expect(await clock.run(() => start({ signal: controller.signal }))).toMatchObject({
    status: 'aborted',
    reason: 'it was called off',
  })
  expect(clock.now() - startMs).toBe(100_000)
})

test('begins nothing where it was called off before, or while it was first probed', async () => {
  const { clock, publisher, start } = await open()
  const calledOff = { status: 'not_started', reason: 'it was called off' }
  let probes = 0
  const signal = AbortSignal.abort()
  const probe = (): boolean => ++probes > 0
  expect(await clock.run(() => start({ probe, signal }))).toEqual(calledOff)
  expect(probes).toBe(0)
  const controller = new AbortController()
  const abort = (): boolean => {
    controller.abort()
    return true
  }
  expect(await clock.run(() => start({ probe: abort, signal: controller.signal }))).toEqual(
    calledOff,
  )
  expect((await publisher.current()).version).toBe(1)
})

test('is not promoted where it was called off during the last probe', async () => {
  const { clock, start } = await open()
  const controller = new AbortController()
  const probe = (step: RolloutStep | undefined) => {
    if (step?.percentage === 50) controller.abort()
    return true
  }
  const options = { probe, bakeSeconds: 60, probeEverySeconds: 60, signal: controller.signal }
  expect(await clock.run(() => start(options))).toMatchObject({
    status: 'aborted',
    reason: 'it was called off',
  })
})

test('repeats a step whose reply was lost with the same id, and so takes it once', async () => {
  let failures = 0
  const { clock, requests, start } = await open(({ kind }) => {
    if ((kind === 'ramp' || kind === 'rollout') && ++failures <= 4)
      throw new Error('The object was reset')
  })
  const result = await clock.run(() => start({}))
  expect(result).toEqual({ status: 'promoted', version: 5 })
  const ids = requests
    .filter(({ kind }) => kind === 'ramp' || kind === 'rollout')
    .map(({ changeId }) => changeId)
  expect(ids).toHaveLength(7)
  expect(new Set(ids).size).toBe(3)
})

test('gives the candidate up where a step fails for good, and says so where that fails too', async () => {
  let isDown = false
  const { clock, start, publisher } = await open(({ kind }) => {
    if (kind === 'ramp' || (isDown && kind === 'abort')) throw new Error('The object was reset')
  })
  expect(await clock.run(() => start({}))).toMatchObject({ status: 'aborted' })
  isDown = true
  await expect(clock.run(() => start({}))).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('it goes on unwatched') as unknown,
  })
  expect((await publisher.current()).document?.candidate?.percentage).toBe(1)
})

test.for([
  [{ steps: [] }, 'steps must rise'],
  [{ steps: [10, 5] }, 'steps must rise'],
  [{ steps: [0, 5] }, 'steps must rise'],
  [{ steps: [101] }, 'steps must rise'],
  [{ bakeSeconds: 0 }, 'bakeSeconds must be greater than 0'],
  [{ probeEverySeconds: NaN }, 'probeEverySeconds must be greater than 0'],
  [{ failuresToAbort: 0 }, 'failuresToAbort must be a whole number'],
] as const)('refuses %o', async ([options, message]) => {
  const { start, publisher } = await open()
  await expect(start(options)).rejects.toThrow(message)
  expect((await publisher.current()).version).toBe(1)
})

test('a rollout that is refused at its beginning is no rollout', async () => {
  const { clock, publisher, start } = await open()
  await publisher.startRollout('{"a":0}', { ...json, percentage: 5 })
  await expect(clock.run(() => start({}))).rejects.toMatchObject({ code: 'invalid' })
  await publisher.abort()
  await expect(clock.run(() => start({ ifVersion: 1 }))).rejects.toMatchObject({ code: 'conflict' })
})
