import * as v from 'valibot'
import { expect, test } from 'vitest'
// @boundaries-ignore the guide whose examples these are
import guide from '../../../docs/configuration.md?raw'
import ownSource from './config-layers-guide.test.ts?raw'

// The examples of docs/configuration.md about what a configuration is made of, each as it stands there.

import { type ConfigSource, envReferences, loadConfig, Secret } from '@codex/config'

test('layers, overrides, references and a schema', async () => {
  const base: ConfigSource = {
    uri: 'file:config/base.yaml',
    load: () =>
      Promise.resolve([
        {
          uri: 'file:config/base.yaml',
          text: `
server:
  port: \${env:PORT:-8080}
  hosts: [a.example.com]
database:
  password: \${secret:DB_PASSWORD}
`,
        },
      ]),
  }
  const loaded = await loadConfig({
    defaults: { server: { port: 80, timeoutSeconds: 10 } },
    sources: [base],
    overrides: { prefix: 'APP_', env: { APP_SERVER__TIMEOUT_SECONDS: '30' } },
    references: {
      env: envReferences({}),
      secret: envReferences({ DB_PASSWORD: 'correct horse' }, { isSecret: true }),
    },
    schema: {
      jsonSchema: {
        properties: {
          server: {
            properties: { port: { type: 'integer' }, timeoutSeconds: { type: 'integer' } },
          },
        },
      },
    },
  })

  expect(loaded.value).toEqual({
    server: { port: 8080, timeoutSeconds: 30, hosts: ['a.example.com'] },
    database: { password: new Secret('correct horse') },
  })
  expect(loaded.explain('server.port')).toMatchObject({
    value: 8080,
    origin: { uri: 'file:config/base.yaml', line: 3 },
    overrode: [{ value: 80, origin: { uri: 'defaults:' } }],
    references: ['${env:PORT}'],
  })
})

test('one error for all that is wrong', async () => {
  const text = 'server:\n  port: high\n  hosts: none\nname: ${env:NAME}\n'
  const loading = loadConfig({
    sources: [{ uri: 'file:a.yaml', load: () => Promise.resolve([{ uri: 'file:a.yaml', text }]) }],
    references: { env: envReferences({}) },
    schema: v.object({
      server: v.object({ port: v.number(), hosts: v.array(v.string()) }),
      name: v.string(),
    }),
  })

  await expect(loading).rejects.toThrow(`Cannot load configuration:
- name: \${env:NAME} has no value, and no default (file:a.yaml:4)
- server.port: Invalid type: Expected number but received "high" (file:a.yaml:2)
- server.hosts: Invalid type: Expected Array but received "none" (file:a.yaml:3)`)
})

test('a secret that the schema checks, and the type knows', async () => {
  const secret = v.pipe(
    v.string(),
    v.minLength(8),
    v.transform((text) => new Secret(text)),
  )
  const { value } = await loadConfig({
    sources: [],
    defaults: { token: '${secret:TOKEN}' },
    references: { secret: envReferences({ TOKEN: 'correct horse' }, { isSecret: true }) },
    schema: v.object({ token: secret }),
  })

  expect(`${String(value.token)} ${JSON.stringify(value)}`).toBe('[secret] {"token":"[secret]"}')
  expect(value.token.reveal()).toBe('correct horse')
})

const [, section = ''] = guide.split('\n## What a configuration is made of\n')
const ownSection = section.split('\n## ')[0] ?? ''

/** The rows of the table that comes after a heading: `written` and `is`, without the marks of code. */
function rowsAfter(heading: string): readonly (readonly [written: string, is: string])[] {
  const [, text = ''] = ownSection.split(`\n### ${heading}\n`)
  const rows = [...(text.split('\n### ')[0] ?? '').matchAll(/^\| `(.*?)` +\| (.*?) +\|$/gm)]
  return rows.map(([, written = '', is = '']) => [written, is.replaceAll('`', '')])
}

test.each(rowsAfter('YAML'))('YAML: %s is %s', async (written, is) => {
  const text = `a: ${written}`
  const loading = loadConfig({
    sources: [{ uri: 'a:', load: () => Promise.resolve([{ uri: 'a:', text }]) }],
  })
  if (is === 'refused') await expect(loading).rejects.toMatchObject({ code: 'corrupt' })
  else expect((await loading).value).toEqual({ a: JSON.parse(is) as unknown })
})

test.each(rowsAfter('Layers').filter(([, is]) => is.startsWith('[')))(
  'lists: %s gives %s',
  async (rule, is) => {
    const load = (list: number[]) => () =>
      Promise.resolve([{ uri: 'a:', text: JSON.stringify({ a: list }) }])
    const { value } = await loadConfig({
      sources: [
        { uri: 'a:', load: load([1, 2]) },
        { uri: 'b:', load: load([2, 3]) },
      ],
      lists: { a: rule as 'append' },
    })
    expect(value).toEqual({ a: JSON.parse(is) as unknown })
  },
)

test('the guide has it so', () => {
  expect(rowsAfter('YAML').length).toBeGreaterThan(20)
  expect(rowsAfter('Layers').map(([rule]) => rule)).toContain('append')
  const examples = [...ownSection.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) =>
    code.trim(),
  )
  expect(examples).toHaveLength(3)
  for (const code of examples) expect(ownSource).toContain(code)
})
