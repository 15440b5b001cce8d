import { createFakeKVApi } from '@codex/fake-kv-api'
import { Secret } from '@codex/config'
import { expect, it, onTestFinished } from 'vitest'
import type { CacheSettings } from './bot-config.ts'
import { createLookupProvider, createLookups, type Lookup } from './create-lookups.ts'

/** The web, as a list of what is asked of it. */
function createWeb(answer: (url: string) => Response) {
  const asked: string[] = []
  const fetch = (url: string): Promise<Response> => {
    asked.push(url)
    return Promise.resolve(answer(url))
  }
  return { asked, options: { fetch: fetch as typeof globalThis.fetch, log: () => undefined } }
}

async function createNamespace(): Promise<CacheSettings> {
  const api = await createFakeKVApi()
  onTestFinished(() => api.close())
  api.addNamespace('bot-cache')
  const { accountId, apiToken, url: baseUrl } = api
  return { accountId, apiToken: new Secret(apiToken), namespaceTitle: 'bot-cache', baseUrl }
}

const lookup: Lookup = {
  template: 'https://weather.example/{text}?format=3',
  text: 'Den Haag/../?#',
  cacheSeconds: 600,
}

it('encodes what a user wrote, and asks once while the result is good', async () => {
  const { asked, options } = createWeb(() => new Response(' 12 °C\n'))
  const lookUp = createLookups(undefined, options)
  expect(await lookUp(lookup)).toBe('12 °C')
  expect(await lookUp(lookup)).toBe('12 °C')
  expect(asked).toEqual(['https://weather.example/Den%20Haag%2F..%2F%3F%23?format=3'])
})

it('shares results in a KV namespace over HTTP with other replicas', async () => {
  const settings = await createNamespace()
  const { asked, options } = createWeb(() => new Response('12 °C'))
  expect(await createLookups(settings, options)(lookup)).toBe('12 °C')
  expect(await createLookups(settings, options)(lookup)).toBe('12 °C')
  expect(asked).toHaveLength(1)
})

it('looks up without a cache where its namespace refuses', async () => {
  const settings = { ...(await createNamespace()), apiToken: new Secret('another-token') }
  const { options } = createWeb(() => new Response('12 °C'))
  expect(await createLookups(settings, options)(lookup)).toBe('12 °C')
})

it.each(['.', '..'])('asks nobody for %j, which would be another address', async (text) => {
  const { asked, options } = createWeb(() => new Response('secret'))
  expect(await createLookups(undefined, options)({ ...lookup, text })).toBeNull()
  expect(asked).toEqual([])
})

it('finds nothing where there is nothing, and fails where the address does', async () => {
  const { options } = createWeb(
    (url) => new Response(null, { status: url.includes('broken') ? 500 : 404 }),
  )
  const lookUp = createLookups(undefined, options)
  expect(await lookUp({ ...lookup, text: 'Atlantis' })).toBeNull()
  await expect(lookUp({ ...lookup, text: 'broken' })).rejects.toThrow('the answer was 500')
})

it('reads the beginning of an answer that never ends', async () => {
  const endless = new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('€'.repeat(1000)))
    },
  })
  const { options } = createWeb(() => new Response(endless))
  expect(await createLookups(undefined, options)(lookup)).toMatch(/^€{1,4096}$/)
})

it('keeps its cache until the settings of the cache change', async () => {
  const settings = await createNamespace()
  const { options } = createWeb(() => new Response('12 °C'))
  const lookUpFor = createLookupProvider(options)
  const first = lookUpFor(settings)
  expect(lookUpFor({ ...settings })).toBe(first)
  expect(lookUpFor({ ...settings, apiToken: new Secret('another-token') })).not.toBe(first)
  expect(lookUpFor(undefined)).not.toBe(first)
})
