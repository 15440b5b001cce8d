import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFakeWorld, errorOf } from './fake-world.ts'

describe('keys', () => {
  test('of every kind go to the API and come back', async () => {
    const { kv, namespace } = await createFakeWorld()
    const key = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 128 })
      .filter((text) => !/^\.{1,2}$/.test(text) && new TextEncoder().encode(text).length <= 512)
    const hostile = fc.constantFrom(
      'a/b',
      '/',
      '%2e%2e',
      '%2F',
      '100%',
      '?#',
      'a/../b',
      '...',
      '😀',
      ' ',
      '\\',
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(key, hostile), async (name) => {
        await kv.put(name, 'v', { metadata: { name } })
        expect(namespace.keys()).toEqual([name])
        expect(await kv.getWithMetadata(name)).toMatchObject({ value: 'v', metadata: { name } })
        expect((await kv.list()).keys).toEqual([{ name, metadata: { name } }])
        await kv.delete(name)
        expect(await kv.get(name)).toBeNull()
      }),
      { seed: 7, numRuns: 150 },
    )
  })

  test('are one segment of the path as it is sent', async () => {
    const { kv, sent } = await createFakeWorld()
    await kv.get('a/../%2e?#😀')
    expect(sent()).toEqual(['GET /{id}/values/a%2F..%2F%252e%3F%23%F0%9F%98%80'])
  })
})

describe('a value with its metadata', () => {
  test('is stored byte for byte', async () => {
    const { kv, namespace } = await createFakeWorld()
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await kv.put('bytes', bytes, { metadata: { m: 'é\n' } })
    expect([...(namespace.get('bytes')?.value ?? [])]).toEqual([...bytes])
    expect(namespace.get('bytes')?.metadataJson).toBe('{"m":"é\\n"}')
    await kv.put('text', 'a\nb\r\nc\r', { metadata: 0 })
    expect(namespace.text('text')).toBe('a\nb\r\nc\r')
  })

  test('as text is one request', async () => {
    const { kv, namespace, sent } = await createFakeWorld()
    namespace.put('k', { value: 'hello', metadataJson: '{"m":1}' })
    expect(await kv.getWithMetadata('k', 'text')).toMatchObject({
      value: 'hello',
      metadata: { m: 1 },
    })
    expect(await kv.getWithMetadata('none')).toMatchObject({ value: null, metadata: null })
    expect(sent()).toEqual(['POST /{id}/bulk/get', 'POST /{id}/bulk/get'])
  })

  test('as bytes is that of one version, also where a write comes between', async () => {
    let reads = 0
    const world = await createFakeWorld({
      onRequest: ({ path }) => {
        // Each of the first two times that the value is read, it has just been written.
        if (path.includes('/values/') && reads < 2) write(++reads)
        return undefined
      },
    })
    const { kv, namespace, sent } = world
    const write = (version: number): void => {
      const metadataJson = JSON.stringify({ version })
      namespace.put('k', { value: `version ${version}`, metadataJson })
    }
    write(0)
    const { value, metadata } = await kv.getWithMetadata('k', 'arrayBuffer')
    expect(new TextDecoder().decode(value ?? new ArrayBuffer())).toBe('version 2')
    expect(metadata).toEqual({ version: 2 })
    expect(sent().filter((line) => line.includes('/values/'))).toHaveLength(3)
  })

  test('that is written all the time is given up', async () => {
    let version = 0
    const world = await createFakeWorld({
      onRequest: ({ path }) => {
        if (path.includes('/values/')) {
          world.namespace.put('k', { value: 'v', metadataJson: String(++version) })
        }
        return undefined
      },
    })
    world.namespace.put('k', { value: 'v' })
    const error = await errorOf(world.kv.getWithMetadata('k', 'stream'))
    expect(error).toMatchObject({ code: 'unavailable', retryable: true })
    expect(version).toBe(5)
  })
})

describe('a list', () => {
  test.for([1, 3, 9, 10, 11, 1000])('of %i at a time has every key once', async (limit) => {
    const { kv, namespace, api } = await createFakeWorld()
    const names = Array.from({ length: 35 }, (_, index) => `k${String(index).padStart(2, '0')}`)
    for (const name of names) namespace.put(name, { value: 'v' })
    const seen: string[] = []
    for (let cursor: string | undefined; ;) {
      const page = await kv.list({ limit, ...(cursor !== undefined && { cursor }) })
      expect(page.keys.length).toBeLessThanOrEqual(limit)
      seen.push(...page.keys.map(({ name }) => name))
      if (page.list_complete) break
      cursor = page.cursor
    }
    expect(seen).toEqual(names)
    const limits = api.requests.map(({ path }) => /limit=(\d+)/.exec(path)?.[1])
    expect(new Set(limits)).toEqual(new Set([String(Math.max(10, limit))]))
  })

  test('goes on behind the last key where that was deleted meanwhile', async () => {
    const { kv, namespace } = await createFakeWorld()
    for (const name of ['a', 'b', 'c', 'd']) namespace.put(name, { value: 'v' })
    const first = await kv.list({ limit: 2 })
    namespace.delete('b')
    namespace.put('aa', { value: 'v' })
    const next = await kv.list({ limit: 2, cursor: first.list_complete ? '' : first.cursor })
    expect(next.keys.map(({ name }) => name)).toEqual(['c', 'd'])
  })
})

test('an entry expires on the clock of the API', async () => {
  const { kv, clock, namespace } = await createFakeWorld()
  await kv.put('k', 'v', { expirationTtl: 60 })
  await kv.put('l', 'v', { expiration: clock.now() / 1000 + 120 })
  expect(namespace.get('k')?.expiration).toBe(clock.now() / 1000 + 60)
  await clock.advance(59_999)
  expect(await kv.get('k')).toBe('v')
  await clock.advance(1)
  expect(await kv.get('k')).toBeNull()
  expect((await kv.list()).keys.map(({ name }) => name)).toEqual(['l'])
  await clock.advance(60_000)
  expect((await kv.list()).keys).toEqual([])
})
