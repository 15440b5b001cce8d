import { createVirtualClock, type VirtualClock } from '@codex/cloudflare-clients/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createManualLoader, toLoaded } from '../../../test/support/config-loads.ts'
import { ConfigError } from '../config-error.ts'
import type { ConfigEvent } from './config-event.ts'
import type { ConfigRefreshOptions } from './config-refresh.ts'
import { createConfigRefresher } from './config-refresher.ts'

const uri = 'kv:web'
const unavailable = new ConfigError('Cannot load kv:web: the store failed', {
  code: 'unavailable',
  operation: 'load',
})

function createWorld(
  options: Partial<ConfigRefreshOptions> = {},
  watchSources?: (onChange: () => void) => () => void,
) {
  const clock: VirtualClock = createVirtualClock()
  const loader = createManualLoader<string>()
  const events: ConfigEvent[] = []
  const refresher = createConfigRefresher(
    { uris: [uri], load: loader.load, watchSources },
    {
      refresh: 'on-read',
      now: clock.now,
      timers: clock,
      random: () => 0,
      onEvent: (event) => events.push(event),
      ...options,
    },
  )
  onTestFinished(() => {
    refresher.close()
  })
  const settle = (): Promise<void> => clock.advance(0)
  /** Answers the load that was begun last. */
  const answer = async (value: string, version = 1): Promise<void> => {
    loader.loads.at(-1)?.resolve(toLoaded(value, { [uri]: version }))
    await settle()
  }
  const refuse = async (error: unknown = unavailable): Promise<void> => {
    loader.loads.at(-1)?.reject(error)
    await settle()
  }
  return { clock, loads: loader.loads, events, refresher, answer, refuse, settle }
}

/** One that has loaded `a`, version 1. */
async function createLoadedWorld(
  options: Partial<ConfigRefreshOptions> = {},
  watchSources?: (onChange: () => void) => () => void,
) {
  const world = createWorld(options, watchSources)
  const ready = world.refresher.ready()
  await world.answer('a')
  await ready
  return world
}

const waitUntil = (): void => undefined

describe('the first load', () => {
  test('is shared by all who wait for it', async () => {
    const { loads, refresher, answer } = createWorld()
    const waiting = [refresher.ready(), refresher.read(), refresher.ready()]
    await answer('a')
    expect(await Promise.all(waiting)).toEqual(['a', 'a', 'a'])
    expect(loads).toHaveLength(1)
  })

  test('fails for who waits, and is tried again by who comes next', async () => {
    const { loads, refresher, answer, refuse } = createWorld()
    const failing = refresher.ready()
    failing.catch(() => undefined)
    await refuse()
    await expect(failing).rejects.toBe(unavailable)
    expect(refresher.status()).toEqual({
      loadedAtMs: null,
      checkedAtMs: null,
      versions: {},
      isStale: true,
      error: unavailable,
    })
    const next = refresher.read()
    await answer('a')
    expect(await next).toBe('a')
    expect(loads).toHaveLength(2)
    expect(refresher.status()).not.toHaveProperty('error')
  })

  test('is a ConfigError whatever the loader throws, without its words', async () => {
    const { refresher, refuse } = createWorld()
    const failing = refresher.ready()
    failing.catch(() => undefined)
    await refuse(new Error('token swordfish refused'))
    const error: unknown = await failing.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({
      code: 'unavailable',
      message: 'Cannot load configuration: the load failed',
    })
  })

  test('is given up after timeoutMs, with its signal, and is taken all the same when it comes later', async () => {
    const { clock, loads, events, refresher, answer } = createWorld({ timeoutMs: 500 })
    const failing = refresher.ready()
    failing.catch(() => undefined)
    await clock.advance(499)
    expect(loads[0]?.signal.aborted).toBe(false)
    await clock.advance(1)
    await expect(failing).rejects.toMatchObject({ code: 'timed_out' })
    expect(loads[0]?.signal.aborted).toBe(true)
    await answer('a')
    expect(await refresher.ready()).toBe('a')
    expect(loads).toHaveLength(1)
    expect(events.map(({ type }) => type)).toEqual(['refresh_failed', 'loaded'])
    expect(refresher.status()).not.toHaveProperty('error')
  })

  test('is begun by a follower where its leader says nothing for half of the time', async () => {
    const { clock, loads, refresher, answer } = createWorld({ timeoutMs: 1000 })
    const leading = refresher.ready()
    const following = [refresher.ready(), refresher.ready()]
    await clock.advance(499)
    expect(loads).toHaveLength(1)
    await clock.advance(1)
    expect(loads).toHaveLength(2)
    await answer('a')
    expect(await Promise.all(following)).toEqual(['a', 'a'])
    await clock.advance(500)
    expect(await leading).toBe('a')
  })
})

describe('a later load', () => {
  test('takes the place of the first, and tells listeners once what is different', async () => {
    const { events, refresher, answer } = await createLoadedWorld()
    const listener = vi.fn()
    const stop = refresher.watch(listener)
    const refreshing = refresher.refresh()
    await answer('b', 2)
    expect(await refreshing).toEqual({ status: 'changed' })
    const differences = [{ path: '', kind: 'changed', before: '"a"', after: '"b"' }]
    expect(listener.mock.calls).toEqual([[{ before: 'a', after: 'b', differences }]])
    expect(events).toEqual([
      { type: 'loaded', versions: { [uri]: 1 } },
      { type: 'changed', versions: { [uri]: 2 }, differences },
    ])
    stop()
    const again = refresher.refresh()
    await answer('c', 3)
    await again
    expect(listener).toHaveBeenCalledOnce()
  })

  test('keeps the object and tells nobody where it is the same, and its versions count', async () => {
    const clock = createVirtualClock()
    const loader = createManualLoader<{ readonly port: number }>()
    const refresher = createConfigRefresher(
      { uris: [uri], load: loader.load },
      { refresh: 'on-read', now: clock.now, timers: clock, onEvent: () => undefined },
    )
    const listener = vi.fn()
    refresher.watch(listener)
    const first = refresher.ready()
    const value = { port: 1 }
    loader.loads[0]?.resolve(toLoaded(value, { [uri]: 1 }))
    await first
    const refreshing = refresher.refresh()
    loader.loads[1]?.resolve(toLoaded({ port: 1 }, { [uri]: 2 }))
    expect(await refreshing).toEqual({ status: 'unchanged' })
    expect(await refresher.ready()).toBe(value)
    expect(refresher.status().versions).toEqual({ [uri]: 2 })
    expect(listener).not.toHaveBeenCalled()
  })

  test('changes nothing when it fails, is older, or lacks a document that was there', async () => {
    const { events, refresher, answer, refuse, loads } = await createLoadedWorld()
    const newer = refresher.refresh()
    await answer('b', 5)
    await newer

    const failing = refresher.refresh()
    await refuse()
    expect(await failing).toEqual({ status: 'failed', error: unavailable })

    const older = refresher.refresh()
    await answer('a', 4)
    expect(await older).toMatchObject({
      status: 'failed',
      error: {
        code: 'outdated',
        faults: [{ path: '', reason: 'version 4 is before 5', origin: { uri, version: 4 } }],
      },
    })

    const missing = refresher.refresh()
    loads.at(-1)?.resolve(toLoaded('', {}))
    expect(await missing).toMatchObject({ status: 'failed', error: { code: 'outdated' } })

    expect(await refresher.ready()).toBe('b')
    expect(refresher.status()).toMatchObject({
      versions: { [uri]: 5 },
      error: { code: 'outdated' },
    })
    expect(events.map(({ type }) => type)).toEqual([
      'loaded',
      'changed',
      'refresh_failed',
      'outdated',
      'outdated',
    ])
  })

  test('counts a document as removed that is missing for removedAfterSeconds', async () => {
    const { clock, loads, refresher, answer, settle } = await createLoadedWorld({
      removedAfterSeconds: 100,
    })
    const refreshWithout = async () => {
      const refreshing = refresher.refresh()
      loads.at(-1)?.resolve(toLoaded('none', {}))
      await settle()
      return (await refreshing).status
    }
    expect(await refreshWithout()).toBe('failed')
    await clock.advance(99_999)
    expect(await refreshWithout()).toBe('failed')
    const there = refresher.refresh()
    await answer('a', 1)
    await there
    await clock.advance(1)
    expect(await refreshWithout()).toBe('failed')
    await clock.advance(100_000)
    expect(await refreshWithout()).toBe('changed')
    // What was removed may begin anew.
    const anew = refresher.refresh()
    await answer('anew', 1)
    expect(await anew).toEqual({ status: 'changed' })
  })

  test('is dropped where one that began later came first', async () => {
    const { clock, loads, refresher } = await createLoadedWorld({ timeoutMs: 1000 })
    const slow = refresher.refresh()
    await clock.advance(0)
    const fast = refresher.refresh()
    await clock.advance(500)
    expect(loads).toHaveLength(3)
    loads[2]?.resolve(toLoaded('c', { [uri]: 2 }))
    expect(await fast).toEqual({ status: 'changed' })
    loads[1]?.resolve(toLoaded('b', { [uri]: 3 }))
    expect(await slow).toEqual({ status: 'unchanged' })
    expect(await refresher.ready()).toBe('c')
  })

  test('counts for nothing where it fails after one that began later was good', async () => {
    const { clock, loads, refresher, settle } = await createLoadedWorld({ timeoutMs: 1000 })
    const slow = refresher.refresh()
    const fast = refresher.refresh()
    await clock.advance(500)
    loads[2]?.resolve(toLoaded('b', { [uri]: 2 }))
    expect(await fast).toEqual({ status: 'changed' })
    loads[1]?.reject(unavailable)
    await settle()
    expect(await slow).toEqual({ status: 'failed', error: unavailable })
    expect(refresher.status()).not.toHaveProperty('error')
  })

  test('is told of once when it fails after its time', async () => {
    const { clock, events, refresher, refuse } = await createLoadedWorld({ timeoutMs: 1000 })
    const failing = refresher.refresh()
    await clock.advance(1000)
    expect(await failing).toMatchObject({ error: { code: 'timed_out' } })
    await refuse()
    expect(events.map(({ type }) => type)).toEqual(['loaded', 'refresh_failed'])
    expect(refresher.status()).toMatchObject({ error: { code: 'timed_out' } })
  })

  test('begins after the call of refresh, and is shared by all who called until then', async () => {
    const { loads, refresher, settle, answer } = await createLoadedWorld()
    const running = refresher.refresh()
    const next = [refresher.refresh(), refresher.refresh()]
    await settle()
    expect(loads).toHaveLength(2)
    await answer('b', 2)
    expect(await running).toEqual({ status: 'changed' })
    expect(loads).toHaveLength(3)
    await answer('c', 3)
    expect(await Promise.all(next)).toEqual([{ status: 'changed' }, { status: 'changed' }])
    expect(loads).toHaveLength(3)
  })

  test('reaches every listener though one throws or ends another', async () => {
    const { events, refresher, answer } = await createLoadedWorld()
    const told: string[] = []
    refresher.watch(() => {
      told.push('first')
      stopThird()
      throw new Error('broken')
    })
    refresher.watch(() => {
      told.push('second')
    })
    const stopThird = refresher.watch(() => {
      told.push('third')
    })
    const refreshing = refresher.refresh()
    await answer('b', 2)
    expect(await refreshing).toEqual({ status: 'changed' })
    expect(told).toEqual(['first', 'second'])
    expect(events.at(-1)).toMatchObject({ type: 'listener_failed' })
  })

  test('is not taken when it cannot be compared', async () => {
    const { loads, refresher } = await createLoadedWorld()
    const refreshing = refresher.refresh()
    const broken = toLoaded('b', { [uri]: 2 })
    loads.at(-1)?.resolve({
      ...broken,
      diffFrom: () => {
        throw new Error('no')
      },
    })
    expect(await refreshing).toMatchObject({ status: 'failed' })
    expect(await refresher.ready()).toBe('a')
    expect(refresher.status().versions).toEqual({ [uri]: 1 })
  })
})

describe('on-read', () => {
  test('answers at once and renews behind the request, from ttlSeconds after the load began', async () => {
    const { clock, loads, refresher, answer } = await createLoadedWorld({ waitUntil })
    await clock.advance(59_999)
    expect(await refresher.read()).toBe('a')
    expect(loads).toHaveLength(1)
    await clock.advance(1)
    expect(await Promise.all([refresher.read(), refresher.read()])).toEqual(['a', 'a'])
    expect(loads).toHaveLength(2)
    await answer('b', 2)
    expect(await refresher.read()).toBe('b')
    expect(loads).toHaveLength(2)
  })

  test('hands every load to waitUntil', async () => {
    const work: Promise<unknown>[] = []
    const { clock, refresher, answer } = await createLoadedWorld({
      waitUntil: (promise) => work.push(promise),
    })
    await clock.advance(60_000)
    await refresher.read()
    expect(work).toHaveLength(2)
    await answer('b', 2)
    await Promise.all(work)
    expect(await refresher.read()).toBe('b')
  })

  test('waits for the renewal where nothing keeps it alive, for timeoutMs at most', async () => {
    const { clock, loads, refresher, answer } = await createLoadedWorld({ timeoutMs: 1000 })
    await clock.advance(60_000)
    const reading = refresher.read()
    await answer('b', 2)
    expect(await reading).toBe('b')
    await clock.advance(60_000)
    const late = refresher.read()
    await clock.advance(1000)
    expect(await late).toBe('b')
    // And not again for a while.
    expect(await refresher.read()).toBe('b')
    expect(loads).toHaveLength(3)
  })

  test('tries again one second after a failure, then two, up to ttlSeconds', async () => {
    const { clock, loads, refresher, refuse } = await createLoadedWorld({
      waitUntil,
      ttlSeconds: 4,
    })
    await clock.advance(4000)
    for (const pauseMs of [1000, 2000, 4000, 4000]) {
      const before = loads.length
      await refresher.read()
      expect(loads).toHaveLength(before + 1)
      await refuse()
      await clock.advance(pauseMs - 1)
      await refresher.read()
      expect(loads).toHaveLength(before + 1)
      await clock.advance(1)
    }
  })

  test('begins no second renewal while one is under way, and passes over a dead one', async () => {
    const { clock, loads, refresher } = await createLoadedWorld({ waitUntil, timeoutMs: 1000 })
    await clock.advance(60_000)
    await refresher.read()
    await clock.advance(400)
    await refresher.read()
    await clock.advance(599)
    await refresher.read()
    expect(loads).toHaveLength(2)
    await clock.advance(1)
    // It failed by then, so that there is a pause.
    await clock.advance(1000)
    await refresher.read()
    expect(loads).toHaveLength(3)
  })

  test('sets no timer of its own and watches nothing', async () => {
    const watchSources = vi.fn()
    const { clock, loads } = await createLoadedWorld({}, watchSources)
    await clock.advance(3_600_000)
    expect(loads).toHaveLength(1)
    expect(watchSources).not.toHaveBeenCalled()
  })
})

describe('background', () => {
  test('asks again after ttlSeconds, or up to a fifth earlier', async () => {
    let random = 0
    const { clock, loads, answer } = await createLoadedWorld({
      refresh: 'background',
      random: () => random,
    })
    await clock.advance(59_999)
    expect(loads).toHaveLength(1)
    await clock.advance(1)
    expect(loads).toHaveLength(2)
    random = 0.999_999
    await answer('b', 2)
    await clock.advance(47_999)
    expect(loads).toHaveLength(2)
    await clock.advance(2)
    expect(loads).toHaveLength(3)
  })

  test('goes on after failures, a first one too, with growing pauses', async () => {
    const { clock, loads, refresher, refuse, answer } = createWorld({ refresh: 'background' })
    const failing = refresher.ready()
    failing.catch(() => undefined)
    await refuse()
    await expect(failing).rejects.toBe(unavailable)
    for (const pauseMs of [1000, 2000, 4000]) {
      const before = loads.length
      await clock.advance(pauseMs - 1)
      expect(loads).toHaveLength(before)
      await clock.advance(1)
      expect(loads).toHaveLength(before + 1)
      await refuse()
    }
    await clock.advance(8000)
    await answer('a')
    expect(await refresher.ready()).toBe('a')
    expect(refresher.isRunning()).toBe(true)
  })

  test('loads once for changes of a source that come together, after they came', async () => {
    let onChange = (): void => undefined
    const { clock, loads, refresher, answer } = await createLoadedWorld(
      { refresh: 'background', debounceMs: 100 },
      (listener) => {
        onChange = listener
        return () => undefined
      },
    )
    onChange()
    await clock.advance(99)
    onChange()
    expect(loads).toHaveLength(1)
    await clock.advance(1)
    expect(loads).toHaveLength(2)
    await answer('b', 1)
    await clock.advance(1000)
    expect(loads).toHaveLength(2)
    // A change while it is read is read too.
    onChange()
    await clock.advance(100)
    onChange()
    await clock.advance(100)
    expect(loads).toHaveLength(3)
    await answer('c', 1)
    expect(loads).toHaveLength(4)
    await answer('d', 1)
    expect(await refresher.ready()).toBe('d')
  })

  test('goes on without what cannot be watched', async () => {
    const { events, refresher } = await createLoadedWorld({ refresh: 'background' }, () => {
      throw new Error('too many files')
    })
    expect(await refresher.ready()).toBe('a')
    expect(events[0]).toMatchObject({ type: 'watch_failed' })
  })

  test('is no longer running when its timer is lost', async () => {
    const clock = createVirtualClock()
    let isLosing = false
    const timers = {
      setTimeout: (callback: () => void, delayMs: number) =>
        isLosing ? 0 : clock.setTimeout(callback, delayMs),
      clearTimeout: clock.clearTimeout,
    }
    const refresher = createConfigRefresher(
      { uris: [], load: () => Promise.resolve(toLoaded('a')) },
      { refresh: 'background', now: clock.now, timers, random: () => 0 },
    )
    expect(refresher.isRunning()).toBe(true)
    await refresher.ready()
    isLosing = true
    await refresher.refresh()
    await clock.advance(139_999)
    expect(refresher.isRunning()).toBe(true)
    await clock.advance(1)
    expect(refresher.isRunning()).toBe(false)
  })
})

describe('close', () => {
  test('ends timers, watches, loads and listeners, and what was loaded stays', async () => {
    const stopWatching = vi.fn()
    const { clock, loads, events, refresher } = await createLoadedWorld(
      { refresh: 'background' },
      () => stopWatching,
    )
    const refreshing = refresher.refresh()
    await clock.advance(0)
    refresher.close()
    refresher.close()
    expect(loads[1]?.signal.aborted).toBe(true)
    loads[1]?.resolve(toLoaded('b', { [uri]: 2 }))
    expect(await refreshing).toMatchObject({ status: 'failed' })
    await clock.advance(3_600_000)
    expect(loads).toHaveLength(2)
    expect(stopWatching).toHaveBeenCalledOnce()
    expect(await refresher.read()).toBe('a')
    expect(await refresher.refresh()).toMatchObject({ status: 'failed' })
    expect(await refresher.accept({ codexConfig: 1, name: 'web', version: 9 })).toBe(false)
    expect(refresher.isRunning()).toBe(false)
    expect(events.map(({ type }) => type)).toEqual(['loaded', 'notice_dropped'])
  })

  test('rejects who waits for a first load', async () => {
    const { loads, refresher, settle } = createWorld()
    const waiting = refresher.ready()
    waiting.catch(() => undefined)
    refresher.close()
    loads[0]?.reject(new Error('aborted'))
    await settle()
    await expect(waiting).rejects.toThrow('received a closed one')
    await expect(refresher.ready()).rejects.toThrow('received a closed one')
  })
})

test('status is stale after ttlSeconds and staleSeconds without a good load', async () => {
  const { clock, refresher, answer, refuse } = await createLoadedWorld({ staleSeconds: 10 })
  const startMs = clock.now()
  await clock.advance(69_999)
  expect(refresher.status()).toEqual({
    loadedAtMs: startMs,
    checkedAtMs: startMs,
    versions: { [uri]: 1 },
    isStale: false,
  })
  await clock.advance(1)
  const failing = refresher.refresh()
  await refuse()
  await failing
  expect(refresher.status()).toMatchObject({ isStale: true, error: { code: 'unavailable' } })
  const refreshing = refresher.refresh()
  await answer('a', 1)
  await refreshing
  expect(refresher.status()).toEqual({
    loadedAtMs: startMs,
    checkedAtMs: startMs + 70_000,
    versions: { [uri]: 1 },
    isStale: false,
  })
})

test.for([
  [{ refresh: 'sometimes' }, 'refresh must be background or on-read, received sometimes'],
  [{ ttlSeconds: 0 }, 'ttlSeconds must be from 1 to 86400, received 0'],
  [{ ttlSeconds: NaN }, 'ttlSeconds must be from 1 to 86400, received NaN'],
  [{ timeoutMs: 0 }, 'timeoutMs must be from 1 to 600000, received 0'],
  [{ noticeSeconds: -1 }, 'noticeSeconds must be from 0 to 1000000000, received -1'],
] as const)('refuses %j', ([options, message]) => {
  expect(() => createWorld(options as Partial<ConfigRefreshOptions>)).toThrow(
    new RangeError(`Cannot create config client: ${message}`),
  )
})
