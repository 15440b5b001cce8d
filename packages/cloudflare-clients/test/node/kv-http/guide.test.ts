import { describe, expect, test } from 'vitest'
import { kvHttpDifferences } from '../../kv-http-differences.ts'
import { readKVHttpGuide } from '../../support/provided.ts'
import { createFakeWorld } from './fake-world.ts'
import ownSource from './guide.test.ts?raw'

// The examples of docs/kv-over-http.md, each as it stands there.

import { CacheClient } from '@codex/cloudflare-clients'
import {
  createHttpKVNamespace,
  createKVNamespaceAdmin,
  createRequestPacer,
  KVHttpError,
} from '@codex/cloudflare-clients/kv-http'

test('a cache runs on it as on a binding', async () => {
  const { options } = await createFakeWorld()
  const kv = createHttpKVNamespace({ namespaceTitle: 'settings', ...options })
  const cache = new CacheClient(kv)

  await cache.set('cache:greeting', { text: 'hello' }, 300)
  expect(await cache.get('cache:greeting')).toEqual({ text: 'hello' })
  expect((await kv.list({ prefix: 'cache:' })).keys).toHaveLength(1)
})

test('many entries are written, and what failed is known', async () => {
  const { kv, clock } = await createFakeWorld({
    faults: [{ type: 'keys', fails: (key) => key === 'user:7' }],
  })
  const entries = Array.from({ length: 100 }, (_, id) => ({
    key: `user:${id}`,
    value: JSON.stringify({ id }),
    expirationTtl: 3600,
  }))

  await clock.run(async () => {
    try {
      await kv.putMany(entries) // user:7 fails once, and is sent again
    } catch (error) {
      if (error instanceof KVHttpError) console.error(error.code, error.failedKeys)
      throw error
    }
  })
  expect(await kv.get('user:7', 'json')).toEqual({ id: 7 })
})

test('a call ends when it should', async () => {
  const { kv, clock } = await createFakeWorld({ faults: [{ type: 'slow', delayMs: 5000 }] })
  const quick = kv.withCallOptions({ deadlineMs: 1000 })

  await expect(clock.run(() => quick.get('greeting'))).rejects.toMatchObject({
    code: 'timed_out',
    retryable: true,
  })
})

test('a namespace is there after this, however often it runs', async () => {
  const { options } = await createFakeWorld()
  const admin = createKVNamespaceAdmin(options)
  const open = async (title: string): Promise<KVNamespace> => {
    const { id } = (await admin.find(title)) ?? (await admin.create(title, { jurisdiction: 'eu' }))
    return createHttpKVNamespace({ namespaceId: id, ...options })
  }

  await (await open('sessions')).put('k', 'v')
  expect(await (await open('sessions')).get('k')).toBe('v')
})

test('requests are counted, and a part of the limit is left to others', async () => {
  const { options, clock } = await createFakeWorld()
  const counts: Record<string, number> = {}
  const kv = createHttpKVNamespace({
    ...options,
    namespaceTitle: 'settings',
    pacer: createRequestPacer({ requestsPer5Minutes: 300, now: clock.now, timers: clock }),
    onRequest: ({ request }) => {
      counts[request] = (counts[request] ?? 0) + 1
    },
  })

  await kv.put('k', 'v', { metadata: { version: 1 } })
  await kv.getWithMetadata('k') // one request, of one version
  expect(counts).toEqual({ NAMESPACES: 1, PUT: 1, GET_BULK: 1 })
})

test('the guide has these examples and no others', () => {
  const fences = [...readKVHttpGuide().matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) =>
    code.trim(),
  )
  expect(fences.length).toBeGreaterThan(4)
  for (const code of fences) expect(ownSource).toContain(code)
})

describe('differences', () => {
  test.for(kvHttpDifferences.map((difference) => [difference.title, difference] as const))(
    '%s',
    async ([, { observe, http }]) => {
      const { kv } = await createFakeWorld()
      expect(await observe(kv)).toEqual(http)
    },
  )

  test('the guide lists exactly these', () => {
    const [, section = ''] = readKVHttpGuide().split('\n## Differences from a binding\n')
    const [list = ''] = section.split('\n## ')
    const titles = list
      .split('\n### ')
      .slice(1)
      .map((text) => text.split('\n')[0])
    expect(titles).toEqual(kvHttpDifferences.map(({ title }) => title))
  })
})
