import { expect, test } from 'vitest'
import type { ConfigTree } from '../config-tree.ts'
import { annotate, toPlain } from './config-node.ts'
import { applyOverrides } from './environment-overrides.ts'
import { createJsonSchemaValidator } from './json-schema-validator.ts'
import { loadConfig } from './load-config.ts'

const base: ConfigTree = {
  server: { port: 1, maxBytes: 2, 'keep-alive': 3, hosts: ['a', 'b'] },
  name: 'x',
  empty: null,
}
const schema = createJsonSchemaValidator({
  properties: { server: { properties: { tlsVersion: {} } }, logLevel: {} },
})

function override(env: Record<string, unknown>, tree = base): unknown {
  const root = annotate(tree, () => ({ uri: 'test:' }))
  const result = applyOverrides(root, { prefix: 'APP_', env }, schema)
  const faults = result.faults.map(({ reason, origin }) => `${origin?.uri ?? ''}: ${reason}`)
  return faults.length > 0 ? faults : toPlain(result.root, ({ value }) => value)
}

test.each<[name: string, text: string, expected: object]>([
  ['APP_SERVER__PORT', '8080', { server: { ...(base.server as object), port: '8080' } }],
  ['APP_SERVER__MAX_BYTES', '5', { server: { ...(base.server as object), maxBytes: '5' } }],
  ['APP_SERVER__MAXBYTES', '5', { server: { ...(base.server as object), maxBytes: '5' } }],
  ['APP_server__port', '5', { server: { ...(base.server as object), port: '5' } }],
  ['APP_SERVER__KEEP_ALIVE', '5', { server: { ...(base.server as object), 'keep-alive': '5' } }],
  ['APP_SERVER__TLS_VERSION', '5', { server: { ...(base.server as object), tlsVersion: '5' } }],
  ['APP_LOG_LEVEL', 'debug', { logLevel: 'debug' }],
  ['APP_NEW_THING__SUB_NAME', 'v', { newThing: { subName: 'v' } }],
  ['APP_SERVER__HOSTS__1', 'c', { server: { ...(base.server as object), hosts: ['a', 'c'] } }],
  ['APP_SERVER__HOSTS__2', 'c', { server: { ...(base.server as object), hosts: ['a', 'b', 'c'] } }],
  ['APP_EMPTY__X', 'v', { empty: { x: 'v' } }],
  ['APP_NAME__X', 'v', { name: { x: 'v' } }],
  ['APP_SERVER', 'none', { server: 'none' }],
  ['APP_NAME', '', { name: '' }],
])('%s=%s', (name, text, expected) => {
  expect(override({ [name]: text })).toStrictEqual({ ...base, ...expected })
})

test('what is no text, and what has another prefix, does not count', () => {
  expect(override({ APP_NAME: 1, APP_KV: {}, NAME: 'y', app_NAME: 'y' })).toStrictEqual(base)
})

test.each([
  ['APP_', 'A name between underscores was wanted'],
  ['APP_SERVER____X', 'A name between underscores was wanted'],
  ['APP___PROTO__', 'A name between underscores was wanted'],
  ['APP_SERVER__HOSTS__3', 'An index from 0 to 2 was wanted for server.hosts'],
  ['APP_SERVER__HOSTS__X', 'An index from 0 to 2 was wanted for server.hosts'],
])('%s is refused', (name, reason) => {
  expect(override({ [name]: 'v' })).toStrictEqual([`env:${name}: ${reason}`])
})

test('one that may mean two names is refused, unless it is one of them', () => {
  const tree = { logLevel: 1, log_level: 2 }
  expect(override({ APP_LOGLEVEL: 'v' }, tree)).toStrictEqual([
    'env:APP_LOGLEVEL: One name was wanted, it may mean logLevel or log_level',
  ])
  expect(override({ APP_log_level: 'v' }, tree)).toStrictEqual({ logLevel: 1, log_level: 'v' })
})

test('a text becomes a number or a boolean where the JSON Schema asks for one and it is exactly one', async () => {
  const texts = {
    integer: '8080',
    padded: ' 1',
    octal: '010',
    float: '1.50',
    exponent: '1e3',
    wrong: '1.5',
    large: '9007199254740993',
    yes: 'true',
    Yes2: 'TRUE',
    either: '1',
    text: '1',
    list: '2',
  }
  const env = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [`APP_${name}`, text] as const),
  )
  const load = loadConfig({
    sources: [],
    defaults: { quoted: '1' },
    overrides: { prefix: 'APP_', env },
    schema: {
      jsonSchema: {
        $defs: { count: { type: 'integer' } },
        properties: {
          integer: { $ref: '#/$defs/count' },
          padded: { type: 'integer' },
          octal: { type: 'integer' },
          float: { type: ['number', 'null'] },
          exponent: { type: 'number' },
          wrong: { type: 'integer' },
          large: { type: 'integer' },
          yes: { type: 'boolean' },
          yes2: { type: 'boolean' },
          either: { anyOf: [{ type: 'integer' }, { type: 'string' }] },
          quoted: { type: 'integer' },
          text: { type: 'string' },
          list: { enum: [1, 2] },
        },
      },
    },
  })
  const error = (await load.catch((reason: unknown) => reason)) as { faults: { path: string }[] }
  expect(error.faults.map(({ path }) => path)).toStrictEqual([
    'padded',
    'octal',
    'wrong',
    'large',
    'yes2',
    'quoted',
  ])
})

test('an override is literal, has its variable as its origin, and is told where it is wrong', async () => {
  const loaded = await loadConfig({
    sources: [],
    defaults: { a: 'x', copy: '${config:a}' },
    overrides: { prefix: 'APP_', env: { APP_A: '${env:HOME}' } },
  })
  expect(loaded.value).toStrictEqual({ a: '${env:HOME}', copy: '${env:HOME}' })
  expect(loaded.explain('a')).toMatchObject({
    origin: { uri: 'env:APP_A' },
    overrode: [{ value: 'x', origin: { uri: 'defaults:' } }],
  })
})
