import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, expect, test } from 'vitest'
// @boundaries-ignore the guide whose examples these are
import guide from '../../../docs/configuration.md?raw'
import ownSource from './config-refresh-guide.test.ts?raw'

// The examples of docs/configuration.md about refreshes that are tests, each as it stands there.

import { ConfigClient, kvSource } from '@codex/config'

afterAll(reset)

test('a change is taken up, a mistake is not', async () => {
  const config = new ConfigClient({
    defaults: { greeting: 'Hello', limits: { uploads: 10 } },
    sources: [{ source: kvSource(env.CONFIG_KV, 'production/web'), optional: true }],
    schema: {
      jsonSchema: {
        properties: { limits: { properties: { uploads: { type: 'integer', minimum: 1 } } } },
      },
    },
    refresh: 'on-read',
  })
  const changes: unknown[] = []
  config.watch(({ differences }) => changes.push(...differences))
  const before = await config.ready()

  await env.CONFIG_KV.put('production/web', 'limits: { uploads: 0 }')
  const { status } = await config.refresh()
  expect(status).toBe('failed') // and `onEvent` is told why
  expect(config.value).toBe(before) // the last good one

  await env.CONFIG_KV.put('production/web', 'limits: { uploads: 25 }')
  await config.refresh()
  expect(config.value).toEqual({ greeting: 'Hello', limits: { uploads: 25 } })
  expect(changes).toEqual([{ path: 'limits.uploads', kind: 'changed', before: 10, after: 25 }])
})

test('the guide has it so', () => {
  const [, section = ''] = guide.split('\n## Refresh without a restart\n')
  const examples = [...(section.split('\n## ')[0] ?? '').matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = '']) => code.trim())
    .filter((code) => code.startsWith('test('))
  expect(examples).toHaveLength(1)
  for (const code of examples) expect(ownSource).toContain(code)
})
