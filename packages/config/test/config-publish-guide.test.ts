import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, expect, test } from 'vitest'
// @boundaries-ignore the guide whose examples these are
import guide from '../../../docs/configuration.md?raw'
import ownSource from './config-publish-guide.test.ts?raw'

// The examples of docs/configuration.md about publishing that are tests, each as it stands there.

import { ConfigPublisher } from '@codex/config/publisher'

afterAll(reset)

test('a version is published, looked at and taken back', async () => {
  const publisher = new ConfigPublisher({
    authority: env.CONFIG,
    name: 'production/api',
    author: 'ada',
    schema: { jsonSchema: { properties: { workers: { type: 'integer', minimum: 1 } } } },
  })
  const first = await publisher.publish('workers: 4', { syntax: 'yaml', ifVersion: 0 })
  const second = await publisher.publish('workers: 40', {
    syntax: 'yaml',
    description: 'For the sale',
    ifVersion: first.version, // refused as a conflict where somebody else published meanwhile
  })
  expect(await publisher.diff(first.version, second.version)).toEqual([
    { path: 'workers', kind: 'changed', before: 4, after: 40 },
  ])
  expect(await publisher.rollback(first.version)).toEqual({ version: 3 })
  expect(await publisher.history()).toMatchObject([
    { version: 3, rolledBackTo: 1 },
    { version: 2, description: 'For the sale', author: 'ada' },
    { version: 1 },
  ])
  await expect(publisher.publish('workers: 0', { syntax: 'yaml' })).rejects.toMatchObject({
    code: 'invalid',
    faults: [{ path: 'workers' }],
  })
})

test('the guide has it so', () => {
  const [, section = ''] = guide.split('\n## Publishing, rolling back, rolling out\n')
  const examples = [...(section.split('\n## ')[0] ?? '').matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = '']) => code.trim())
    .filter((code) => code.startsWith('test('))
  expect(examples).toHaveLength(1)
  for (const code of examples) expect(ownSource).toContain(code)
})
