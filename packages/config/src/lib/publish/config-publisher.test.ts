import { env } from 'cloudflare:workers'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import type { ConfigAuthorityNamespace } from '../config-authority-calls.ts'
import { createConfigHandler } from './config-handler.ts'
import { ConfigPublisher } from './config-publisher.ts'
import { httpConfigAuthority } from './http-config-authority.ts'
import { kvConfigAuthority } from './kv-config-authority.ts'
import { memoryConfigAuthority } from './memory-config-authority.ts'

const json = { syntax: 'json' } as const
const object: ConfigAuthorityNamespace = env.CONFIG
const token = 'a token of these tests, which is long enough'

/** Every way to an authority. */
const authorities: readonly (readonly [string, () => ConfigAuthorityNamespace])[] = [
  ['a Durable Object', () => object],
  ['memory', () => memoryConfigAuthority({ kv: env.CONFIG_KV })],
  ['KV alone', () => kvConfigAuthority(env.CONFIG_KV)],
  [
    'HTTP',
    () => {
      const handler = createConfigHandler({ authority: object, authorize: () => true })
      return httpConfigAuthority({
        url: 'https://config.example',
        token,
        fetch: (input, init) => handler(new Request(input, init)),
      })
    },
  ],
]

test.for(authorities)(
  'over %s: publishes, shows what differs and rolls back',
  async ([how, open]) => {
    const name = `settings/${how}`
    const publisher = new ConfigPublisher({ authority: open(), name, author: 'ada' })
    expect(await publisher.current()).toEqual({ version: 0 })
    const first = { syntax: 'yaml', description: 'The first', ifVersion: 0 } as const
    expect(await publisher.publish('a: 1\nb: [x, y]\n', first)).toEqual({ version: 1 })
    expect(await publisher.publish('{"a":2,"b":["x","z"],"c":{}}', { syntax: 'json' })).toEqual({
      version: 2,
    })
    await expect(publisher.publish('a: 3', first)).rejects.toMatchObject({
      code: 'conflict',
      message: `Cannot publish "${name}": the version must be 0, received 2`,
    })
    expect(await publisher.diff(1, 2)).toEqual([
      { path: 'a', kind: 'changed', before: 1, after: 2 },
      { path: 'b[1]', kind: 'changed', before: 'y', after: 'z' },
      { path: 'c', kind: 'added', after: {} },
    ])
    expect(await publisher.rollback(1)).toEqual({ version: 3 })
    const { document } = await publisher.current()
    expect(document).toMatchObject({
      name,
      version: 3,
      stable: { version: 3, parent: 2, body: 'a: 1\nb: [x, y]\n', syntax: 'yaml', rolledBackTo: 1 },
    })
    expect(await publisher.history()).toMatchObject([
      { version: 3, rolledBackTo: 1, author: 'ada' },
      { version: 2, parent: 1, bytes: 28 },
      { version: 1, parent: 0, description: 'The first' },
    ])
    expect(await publisher.release(2)).toMatchObject({ body: '{"a":2,"b":["x","z"],"c":{}}' })
    await expect(publisher.release(9)).rejects.toMatchObject({ code: 'not_found' })
    await expect(publisher.rollback(9)).rejects.toMatchObject({ code: 'invalid' })
  },
)

test('a body that readers would refuse, or that does not fit, is not sent', async () => {
  const schema = v.object({ port: v.number() })
  const publisher = new ConfigPublisher({
    authority: object,
    name: 'checked',
    author: 'ada',
    schema,
  })
  await expect(publisher.publish('{"port":', { syntax: 'json' })).rejects.toMatchObject({
    code: 'corrupt',
  })
  await expect(publisher.publish('port: eighty', { syntax: 'yaml' })).rejects.toMatchObject({
    code: 'invalid',
    faults: [{ path: 'port' }],
  })
  expect(await publisher.current()).toEqual({ version: 0 })
})

test.for([
  ['.', 'other than . and .., received "."'],
  ['..', 'other than . and .., received ".."'],
  [
    'config-body:00ff',
    'that does not begin with config-body:, as the keys of bodies do, received "config-body:00ff"',
  ],
] as const)('nothing is published as %s', async ([name, problem]) => {
  const create = () => new ConfigPublisher({ authority: object, name, author: 'ada' })
  expect(create).toThrow(
    new TypeError(`Cannot create publisher: the name of a configuration must be one ${problem}`),
  )
  const change = { ...json, kind: 'publish', body: '{}', changeId: '1', author: 'ada' } as const
  const refused = async () => object.getByName(name).change(change)
  await expect(refused()).rejects.toThrow(
    `Cannot change configuration: the name of a configuration must be one ${problem}`,
  )
})

test.for(['.a', 'a/..', 'web/config-body:1', 'config-body'])('%s is a name', async (name) => {
  const authority = memoryConfigAuthority({ kv: env.CONFIG_KV })
  const publisher = new ConfigPublisher({ authority, name, author: 'ada' })
  expect(await publisher.publish('{}', json)).toEqual({ version: 1 })
})
