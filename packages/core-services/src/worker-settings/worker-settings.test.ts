import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { meterKV } from '@codex/cloudflare-clients'
import { envReferences, Secret } from '@codex/config'
import { ConfigPublisher, memoryConfigAuthority } from '@codex/config/publisher'
import * as v from 'valibot'
import { afterEach, describe, expect, it } from 'vitest'
import {
  WorkerSettings,
  type SettingsLogEntry,
  type WorkerSettingsOptions,
} from './worker-settings.ts'

afterEach(() => reset())

const schema = v.strictObject({
  retrySeconds: v.pipe(v.number(), v.minValue(1), v.maxValue(100)),
  name: v.string(),
  token: v.pipe(
    v.string(),
    v.transform((text) => new Secret(text)),
  ),
})

type Settings = v.InferOutput<typeof schema>

const defaults = { retrySeconds: 10, name: 'brought', token: '${secret:TOKEN:-}' }
const key = 'config:tests'

function create(changes: Partial<WorkerSettingsOptions<Settings>> = {}) {
  const logs: SettingsLogEntry[] = []
  const clock = { nowMs: Date.UTC(2026, 10, 20) }
  const work: Promise<unknown>[] = []
  const counts = { reads: 0 }
  const settings = new WorkerSettings<Settings>({
    worker: 'tests',
    kv: meterKV(env.CONFIG_KV, ({ keys }) => {
      counts.reads += keys
    }),
    defaults,
    schema,
    references: { secret: envReferences({}, { isSecret: true }) },
    secrets: ['token'],
    ttlSeconds: 60,
    timeoutMs: 10_000,
    waitUntil: (promise) => work.push(promise),
    now: () => clock.nowMs,
    log: (entry) => logs.push(entry),
    ...changes,
  })
  return {
    settings,
    logs,
    counts,
    /** Lets time pass, and reads twice: what is fetched behind the first read is there with the second. */
    async readLater(seconds: number): Promise<Settings> {
      clock.nowMs += seconds * 1000
      await settings.read()
      await Promise.all(work)
      return settings.read()
    },
  }
}

/** KV whose reads do something else while a test says so. */
function brokenKV(read: () => Promise<never>, isBroken = () => true): KVNamespace {
  return new Proxy(env.CONFIG_KV, {
    get(target, name) {
      if (name === 'get' && isBroken()) return read
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const fail = () => Promise.reject(new Error('KV GET failed: 500 Internal Server Error'))
const hang = () => new Promise<never>(() => undefined)

describe('the settings of a worker', () => {
  it('are those it brings where no namespace is bound, or nothing is in it', async () => {
    const brought = { retrySeconds: 10, name: 'brought' }
    expect(await create({ kv: undefined }).settings.read()).toMatchObject(brought)
    const { settings, counts, logs } = create()
    expect(await settings.read()).toMatchObject(brought)
    expect(counts.reads).toBe(1)
    expect(logs).toEqual([])
  })

  it('are, one by one, what the document says of them', async () => {
    await env.CONFIG_KV.put(key, 'retrySeconds: 30\n')
    const value = await create().settings.read()
    expect(value).toMatchObject({ retrySeconds: 30, name: 'brought' })
    expect(Object.isFrozen(value)).toBe(true)
  })

  it('are read from KV once in their time, however often they are asked for', async () => {
    const { settings, counts, readLater } = create()
    const first = await settings.read()
    await Promise.all(Array.from({ length: 50 }, () => settings.read()))
    expect(await readLater(59)).toBe(first)
    expect(counts.reads).toBe(1)
    expect(await readLater(1)).toBe(first)
    await readLater(0)
    expect(counts.reads).toBe(2)
  })

  it('change with what is published, behind a read, and say so', async () => {
    // A second passes with each look at the clock: KV takes a key once a second.
    let nowMs = 0
    const authority = memoryConfigAuthority({ kv: env.CONFIG_KV, now: () => (nowMs += 1000) })
    const publisher = new ConfigPublisher({ authority, name: key, author: 'ada' })
    await publisher.publish('retrySeconds: 20', { syntax: 'yaml' })
    await authority.whenPublished()
    const { settings, logs, readLater } = create()
    expect((await settings.read()).retrySeconds).toBe(20)
    await publisher.publish('retrySeconds: 40', { syntax: 'yaml' })
    await authority.whenPublished()
    expect((await settings.read()).retrySeconds).toBe(20)
    expect((await readLater(60)).retrySeconds).toBe(40)
    expect(logs).toEqual([
      { level: 'info', event: 'settings_loaded', versions: { [`kv:${key}`]: 1 } },
      {
        level: 'info',
        event: 'settings_changed',
        versions: { [`kv:${key}`]: 2 },
        differences: [{ path: 'retrySeconds', kind: 'changed', before: 20, after: 40 }],
      },
    ])
  })

  it('stay as they were while the document is no good, which is told with every fault', async () => {
    await env.CONFIG_KV.put(key, 'retrySeconds: 30\n')
    const { settings, logs, counts, readLater } = create()
    await settings.read()
    for (const [text, faults] of [
      ['retrySeconds: 101\nretry: 5\n', ['retrySeconds', 'retry']],
      ['retrySeconds: [\n', ['']],
      ['- 1\n', ['']],
      ['name: ${env:HOME}\n', ['name']],
    ] as const) {
      logs.length = 0
      await env.CONFIG_KV.put(key, text)
      expect(await readLater(60), text).toMatchObject({ retrySeconds: 30, name: 'brought' })
      expect(logs, text).toMatchObject([{ level: 'warn', event: 'settings_failed' }])
      const [line] = logs as unknown as { readonly faults: { readonly path: string }[] }[]
      expect(line?.faults.map(({ path }) => path)).toEqual(faults)
    }
    // Also one that is no good costs a read in its time, and not one more.
    for (let second = 0; second < 59; second++) await readLater(1)
    expect(counts.reads).toBe(5)
  })

  it.each([
    ['fails', fail, 10_000, 3],
    ['does not answer', hang, 1, 1],
  ])('are those it brings while KV %s from the start', async (_, read, timeoutMs, readers) => {
    const { settings, logs, readLater } = create({ kv: brokenKV(read), timeoutMs })
    const values = await Promise.all(Array.from({ length: readers }, () => settings.read()))
    expect(values).toMatchObject(values.map(() => ({ retrySeconds: 10, name: 'brought' })))
    expect(logs).toMatchObject([{ event: 'settings_failed' }])
    await readLater(59)
    expect(logs).toHaveLength(1)
    await readLater(1)
    expect(logs).toHaveLength(2)
  })

  it('are taken up when KV is back', async () => {
    await env.CONFIG_KV.put(key, 'retrySeconds: 30\n')
    let isUp = false
    const { settings, readLater, logs } = create({ kv: brokenKV(fail, () => !isUp) })
    expect((await settings.read()).retrySeconds).toBe(10)
    isUp = true
    expect((await settings.read()).retrySeconds).toBe(10)
    expect((await readLater(60)).retrySeconds).toBe(30)
    expect(logs.map(({ event }) => event)).toEqual(['settings_failed', 'settings_loaded'])
  })

  it('refer to their environment, and never print what is secret there', async () => {
    const token = 'canary-of-these-tests-0123456789'
    const references = { secret: envReferences({ TOKEN: token }, { isSecret: true }) }
    const { settings, logs, readLater } = create({ references })
    const { token: held } = await settings.read()
    expect(held.reveal()).toBe(token)
    await env.CONFIG_KV.put(key, 'name: ${secret:TOKEN}\nretrySeconds: ${secret:TOKEN}\n')
    await readLater(60)
    await env.CONFIG_KV.put(key, 'token: another canary\nname: a ${secret:TOKEN}\n')
    expect((await readLater(60)).token.reveal()).toBe('another canary')
    expect(logs.map(({ event }) => event)).toEqual(['settings_failed', 'settings_changed'])
    expect(JSON.stringify(logs)).not.toContain('canary')
  })

  it('reject where what the worker brings is no good itself', async () => {
    for (const kv of [env.CONFIG_KV, undefined]) {
      const { settings } = create({ kv, defaults: { ...defaults, retrySeconds: 0 } })
      await expect(settings.read()).rejects.toMatchObject({ code: 'invalid' })
    }
  })
})
