import type { FakeFault } from '@codex/fake-kv-api'
import { describe, expect, test } from 'vitest'
import { createFakeWorld, errorOf } from './fake-world.ts'

const entries = (count: number): { key: string; value: string }[] =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: `v${index}` }))

const keysOf = (body: Uint8Array): string[] =>
  (JSON.parse(new TextDecoder().decode(body)) as ({ key: string } | string)[]).map((item) =>
    typeof item === 'string' ? item : item.key,
  )

describe('putMany', () => {
  test('writes what put would', async () => {
    const { kv, namespace, clock, sent } = await createFakeWorld()
    await kv.putMany([
      { key: 'text', value: 'é\r\n😀\u0000' },
      { key: 'bytes', value: new Uint8Array([255, 0, 10]), metadata: { m: 'é' } },
      { key: 'lone', value: 'a\uD800' },
      { key: 'ttl', value: '', expirationTtl: 60 },
      { key: 'absolute', value: 'v', expiration: clock.now() / 1000 + 90, metadata: null },
      { key: 'twice', value: 'first' },
      { key: 'twice', value: 'last' },
    ])
    expect(sent()).toEqual(['PUT /{id}/bulk'])
    expect(namespace.text('text')).toBe('é\r\n😀\u0000')
    expect(await kv.getWithMetadata('bytes', 'arrayBuffer')).toMatchObject({ metadata: { m: 'é' } })
    expect([...(namespace.get('bytes')?.value ?? [])]).toEqual([255, 0, 10])
    expect([...(namespace.get('lone')?.value ?? [])]).toEqual([97, 237, 160, 128])
    expect(namespace.get('ttl')).toMatchObject({ expiration: clock.now() / 1000 + 60 })
    expect(namespace.get('absolute')).toMatchObject({
      expiration: clock.now() / 1000 + 90,
      metadataJson: undefined,
    })
    expect(namespace.text('twice')).toBe('last')
  })

  test('sends 10,000 entries in a request', async () => {
    const { kv, namespace, api } = await createFakeWorld()
    await kv.putMany(entries(20_001))
    expect(api.requests.map(({ body }) => keysOf(body).length)).toEqual([10_000, 10_000, 1])
    expect(namespace.keys()).toHaveLength(20_001)
  })

  test('sends 100 MB in a request, whatever the JSON of a value takes', async () => {
    const { kv, api } = await createFakeWorld()
    // Six bytes for each character in JSON, and four thirds in base64.
    const value = '\u0001'.repeat(25_000_000)
    await kv.putMany(['a', 'b', 'c'].map((key) => ({ key, value })))
    expect(api.requests.map(({ body }) => keysOf(body))).toEqual([['a', 'b'], ['c']])
    for (const { body } of api.requests) expect(body.byteLength).toBeLessThanOrEqual(100_000_000)
  })

  test('sends nothing where an entry cannot be', async () => {
    const { kv, sent } = await createFakeWorld()
    const good = { key: 'k', value: 'v' }
    await expect(kv.putMany([good, { key: '..', value: 'v' }])).rejects.toThrow(TypeError)
    await expect(kv.putMany([good, { key: 'l', value: 'v', expirationTtl: 59 }])).rejects.toThrow(
      'KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.',
    )
    const stream = new Response('v').body as unknown as string
    await expect(kv.putMany([good, { key: 'l', value: stream }])).rejects.toThrow('a stream')
    await kv.putMany([])
    expect(sent()).toEqual([])
  })

  test('sends again what has not succeeded, and only that', async () => {
    const fails =
      (...keys: string[]) =>
      (key: string): boolean =>
        keys.includes(key)
    const { kv, namespace, api, clock } = await createFakeWorld({
      faults: [
        { type: 'keys', fails: fails('k1', 'k3') },
        { type: 'status', status: 500 },
        { type: 'keys', fails: fails('k3') },
      ],
    })
    await clock.run(() => kv.putMany(entries(5)))
    expect(api.requests.map(({ body }) => keysOf(body))).toEqual([
      ['k0', 'k1', 'k2', 'k3', 'k4'],
      ['k1', 'k3'],
      ['k1', 'k3'],
      ['k3'],
    ])
    expect(namespace.keys()).toHaveLength(5)
  })

  test('names the keys that never succeed', async () => {
    const faults = Array.from({ length: 9 }, (): FakeFault => ({
      type: 'keys',
      fails: (key) => key === 'k1',
    }))
    const { kv, clock, sent } = await createFakeWorld({ faults })
    const error = await clock.run(() => errorOf(kv.putMany(entries(3))))
    expect(error).toMatchObject({
      code: 'unavailable',
      operation: 'write',
      retryable: true,
      failedKeys: ['k1'],
      message: 'KV PUT_BULK failed: 1 keys did not succeed',
    })
    expect(sent()).toHaveLength(6)
  })

  test('names the keys that were not sent because a request before failed', async () => {
    const { kv, namespace } = await createFakeWorld({
      faults: [undefined, { type: 'status', status: 403 }],
    })
    const error = await errorOf(kv.putMany(entries(20_005)))
    expect(error).toMatchObject({ code: 'forbidden', status: 403, attempts: 1 })
    const { failedKeys } = error as { failedKeys: readonly string[] }
    expect(failedKeys).toHaveLength(10_005)
    expect(failedKeys.filter((key) => namespace.get(key) !== null)).toEqual([])
  })
})

describe('deleteMany', () => {
  test('deletes 10,000 keys in a request, and again what has not succeeded', async () => {
    const { kv, namespace, api, clock } = await createFakeWorld({
      faults: [{ type: 'keys', fails: (key) => key === 'k7' }],
    })
    for (const { key } of entries(10_002)) namespace.put(key, { value: 'v' })
    const keys = entries(10_001).map(({ key }) => key)
    await clock.run(() => kv.deleteMany([...keys, 'k0']))
    expect(api.requests.map(({ body }) => keysOf(body).length)).toEqual([10_000, 1, 1])
    expect(namespace.keys()).toEqual(['k10001'])
  })

  test('refuses keys that cannot be before anything is sent', async () => {
    const { kv, sent } = await createFakeWorld()
    await expect(kv.deleteMany(['a', ''])).rejects.toThrow('Key name cannot be empty.')
    expect(sent()).toEqual([])
  })
})
