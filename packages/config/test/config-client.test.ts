import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  ConfigClient,
  type ConfigClientOptions,
  ConfigError,
  type ConfigEvent,
  kvSource,
  Secret,
} from '../src/index.ts'

const kv = env.CONFIG_KV
const key = 'production/web'

afterEach(reset)

function createWorld(options: Partial<ConfigClientOptions> = {}) {
  const clock = createVirtualClock()
  const events: ConfigEvent[] = []
  const client = new ConfigClient({
    defaults: { server: { host: '127.0.0.1', port: 8080 } },
    sources: [{ source: kvSource(kv, key), optional: true }],
    refresh: 'on-read',
    now: clock.now,
    onEvent: (event) => events.push(event),
    ...options,
  })
  return { clock, client, events }
}

describe('a client on the KV of the runtime', () => {
  test('has nothing before its first load, and says how to come to it', () => {
    const { client } = createWorld()
    const words = 'wanted one that was loaded, received none yet; await ready() first'
    expect(() => client.value).toThrow(new TypeError(`Cannot read configuration: ${words}`))
    expect(() => client.current()).toThrow(TypeError)
    expect(() => client.explain('server')).toThrow(`Cannot explain configuration: ${words}`)
  })

  test('loads, explains, renews and tells what is different', async () => {
    const { clock, client, events } = createWorld()
    const listener = vi.fn()
    client.watch(listener)
    const first = await client.ready()
    expect(first).toEqual({ server: { host: '127.0.0.1', port: 8080 } })
    expect(Object.isFrozen(client.value.server)).toBe(true)

    await kv.put(key, 'server:\n  port: 9090\n')
    await clock.advance(59_999)
    expect(await client.read()).toBe(first)
    await clock.advance(1)
    const after = await client.read()
    expect(after).toEqual({ server: { host: '127.0.0.1', port: 9090 } })
    expect(client.value).toBe(after)
    expect(client.explain('server.port')).toMatchObject({
      value: 9090,
      origin: { uri: 'kv:production/web', line: 2 },
      overrode: [{ value: 8080 }],
    })
    expect(client.current().sources).toContain('kv:production/web')
    const differences = [{ path: 'server.port', kind: 'changed', before: 8080, after: 9090 }]
    expect(listener.mock.calls).toEqual([[{ before: first, after, differences }]])
    expect(events.map(({ type }) => type)).toEqual(['loaded', 'changed'])
  })

  test('holds on to the last good one when what is there is none', async () => {
    const { client, events } = createWorld({
      schema: {
        jsonSchema: { properties: { server: { properties: { port: { type: 'integer' } } } } },
      },
    })
    const good = await client.ready()
    for (const text of ['server: {port: eighty}', 'server: [', 'just words']) {
      await kv.put(key, text)
      expect(await client.refresh()).toMatchObject({ status: 'failed' })
      expect(client.value).toBe(good)
    }
    await kv.put(key, 'server: {port: 8080}')
    expect(await client.refresh()).toEqual({ status: 'unchanged' })
    expect(client.value).toBe(good)
    expect(events.map(({ type }) => type)).toEqual([
      'loaded',
      'refresh_failed',
      'refresh_failed',
      'refresh_failed',
    ])
  })

  test('tells of a secret that is another one, and shows neither', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    let token = 'canary-one'
    const { client, events } = createWorld({
      defaults: { token: '${vault:token}', port: '${vault:port}' },
      references: {
        vault: {
          isSecret: true,
          get: (name) => Promise.resolve(name === 'token' ? token : '80'),
        },
      },
    })
    const told: unknown[] = []
    client.watch((change) => {
      told.push(change)
    })
    await client.ready()
    token = 'canary-two'
    expect(await client.refresh()).toEqual({ status: 'changed' })
    expect(client.value.token).toEqual(new Secret('canary-two'))
    expect(client.value.token instanceof Secret && client.value.token.reveal()).toBe('canary-two')
    expect(told).toMatchObject([{ differences: [{ path: 'token', after: '[secret]' }] }])
    expect(JSON.stringify([told, events, client.status(), client.explain('')])).not.toContain(
      'canary',
    )
    warn.mockRestore()
  })

  test('logs what went wrong by code and message, and nothing else', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const client = new ConfigClient({ sources: [kvSource(kv, key)], refresh: 'on-read' })
    const error: unknown = await client.ready().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    const { code, message } = error as ConfigError
    expect(code).toBe('not_found')
    expect(warn.mock.calls).toEqual([
      [JSON.stringify({ event: 'refresh_failed', client: 'config', error: { code, message } })],
    ])
    await kv.put(key, 'port: 1')
    await client.ready()
    expect(warn).toHaveBeenCalledOnce()
    warn.mockRestore()
  })

  test('takes a notice for its own sources only', async () => {
    const { client, events } = createWorld()
    await client.ready()
    const notice = { codexConfig: 1, name: 'staging/web', version: 2 }
    expect(await client.accept(notice)).toBe(false)
    expect(events.at(-1)).toEqual({
      type: 'notice_dropped',
      reason: 'unknown_name',
      name: 'staging/web',
      version: 2,
    })
  })

  test.for([
    { sources: ['kv://main/web'] },
    { sources: [], schema: { jsonSchema: { type: 'whole' } } },
    { sources: [], secrets: ['a..b'] },
  ])('refuses %j when it is made', (options) => {
    expect(() => new ConfigClient({ ...options, refresh: 'on-read' })).toThrow(TypeError)
  })
})
