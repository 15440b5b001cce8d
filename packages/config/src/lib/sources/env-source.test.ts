import { describe, expect, test } from 'vitest'
import type { ConfigError } from '../config-error.ts'
import type { SourceDocument } from '../config-source.ts'
import { type ConfigEnvironment, envSource } from './env-source.ts'

async function load(uri: string, env: ConfigEnvironment): Promise<SourceDocument> {
  const { signal } = new AbortController()
  const [document] = await envSource(uri, env).load({ signal })
  if (document === undefined) throw new Error('There is no document')
  return document
}

async function treeOf(env: ConfigEnvironment): Promise<unknown> {
  const document = await load('env:APP_', env)
  return 'tree' in document ? document.tree : undefined
}

async function failureOf(uri: string, env: ConfigEnvironment): Promise<ConfigError> {
  return load(uri, env).then(
    () => {
      throw new Error('It did not fail')
    },
    (error: unknown) => error as ConfigError,
  )
}

describe('variables of a prefix', () => {
  test('are texts in a tree, whose origins are their names', async () => {
    const env = {
      APP_PORT: '0123',
      APP_SERVER__MAX_PORTS: '5',
      APP_SERVER__HOST: '',
      APPLE: 'no',
      app_port: 'no',
      APP_UNSET: undefined,
    }
    const document = await load('env:APP_', env)
    expect(document).toMatchObject({ uri: 'env:APP_' })
    expect(await treeOf(env)).toEqual({ port: '0123', server: { maxPorts: '5', host: '' } })
    const origins = 'originOf' in document ? document.originOf : undefined
    expect(origins?.(['server', 'maxPorts'])).toEqual({ uri: 'env:APP_SERVER__MAX_PORTS' })
    expect(origins?.(['server'])).toEqual({ uri: 'env:APP_' })
  })

  test('are an empty layer when there are none', async () => {
    expect(await treeOf({ APP_: 'x' })).toEqual({})
  })

  test('name nothing of the language', async () => {
    const tree = await treeOf({ APP_CONSTRUCTOR__PROTOTYPE: 'x', APP_TOSTRING: 'y' })
    expect(JSON.stringify(tree)).toBe('{"constructor":{"prototype":"x"},"tostring":"y"}')
    expect(Object.getPrototypeOf(tree)).toBeNull()
    expect(({} as { prototype?: unknown }).prototype).toBeUndefined()
  })

  test('that contradict one another are refused, all of them, without their values', async () => {
    const failure = await failureOf('env:APP_', {
      APP_A: 'hunter2',
      APP_A__B: 'hunter2',
      APP_MAX_PORTS: 'hunter2',
      APP_max_ports: 'hunter2',
      APP__X: 'hunter2',
      APP_Y__: 'hunter2',
    })
    expect(failure).toMatchObject({ code: 'corrupt' })
    expect(failure.faults.map(({ origin }) => origin?.uri)).toEqual([
      'env:APP_A__B',
      'env:APP_Y__',
      'env:APP__X',
      'env:APP_max_ports',
    ])
    expect(failure.message).toBe(
      'Cannot load env:APP_: env:APP_A__B must not be below a variable that has a value, and 3 more',
    )
    expect(JSON.stringify(failure)).not.toContain('hunter2')
  })

  test('are read anew at each load', async () => {
    const env: Record<string, string> = { APP_A: '1' }
    const source = envSource('env:APP_', env)
    const { signal } = new AbortController()
    expect(await source.load({ signal })).toMatchObject([{ tree: { a: '1' } }])
    env.APP_A = '2'
    expect(await source.load({ signal })).toMatchObject([{ tree: { a: '2' } }])
  })
})

describe('a variable with a whole document', () => {
  test('is its text', async () => {
    expect(await load('env:APP_CONFIG', { APP_CONFIG: 'port: 8080' })).toEqual({
      uri: 'env:APP_CONFIG',
      text: 'port: 8080',
    })
  })

  test('is not there when it is not set, or empty', async () => {
    for (const env of [{}, { APP_CONFIG: '' }]) {
      expect(await failureOf('env:APP_CONFIG', env)).toMatchObject({ code: 'not_found' })
    }
  })

  test('is not larger than another text', async () => {
    const env = { APP_CONFIG: 'x'.repeat(1_048_577) }
    expect(await failureOf('env:APP_CONFIG', env)).toMatchObject({ code: 'too_large' })
  })
})

test.each(['env:', 'env:A-B', 'env:1A', 'ENV:A', 'env://A', 'env:A B'])('refuses %s', (uri) => {
  expect(() => envSource(uri, {})).toThrow('Cannot create env source: uri must be')
})
