import { createHttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
import { describe, expect, test } from 'vitest'
import { collect, createFakeWorld, errorOf, type FakeWorld } from './fake-world.ts'

describe('the administration', () => {
  test('creates, lists, finds, renames and deletes', async () => {
    const { admin, namespace, api } = await createFakeWorld()
    const made = await admin.create('sessions', { jurisdiction: 'eu' })
    expect(made).toEqual({
      id: expect.any(String) as string,
      title: 'sessions',
      jurisdiction: 'eu',
    })
    expect(await collect(admin.list())).toEqual([{ id: namespace.id, title: 'settings' }, made])
    await admin.rename(made.id, 'old sessions')
    expect(await admin.find('sessions')).toBeNull()
    expect(await admin.find('old sessions')).toMatchObject({ id: made.id })
    await admin.delete(made.id)
    expect(await admin.find('old sessions')).toBeNull()
    expect(api.requests.length).toBeGreaterThan(6)
  })

  test('lists page by page as it is asked', async () => {
    const { admin, api, sent } = await createFakeWorld()
    for (let index = 0; index < 250; index++) api.addNamespace(`n${index}`)
    const titles: string[] = []
    for await (const { title } of admin.list()) titles.push(title)
    expect(new Set(titles).size).toBe(251)
    expect(sent()).toHaveLength(3)
    const namespaces = admin.list()
    await namespaces.next()
    expect(sent()).toHaveLength(4)
  })

  test('says when a title is taken or there twice', async () => {
    const { admin, api } = await createFakeWorld()
    const taken = await errorOf(admin.create('settings'))
    expect(taken).toMatchObject({ code: 'already_exists', cloudflareCode: 10_014 })
    api.addNamespace('settings')
    expect(await errorOf(admin.find('settings'))).toMatchObject({ code: 'ambiguous_title' })
    expect(await errorOf(admin.delete('0123'))).toMatchObject({ code: 'not_found' })
  })

  test('creates once, also where the answer is lost', async () => {
    const { admin, clock, sent } = await createFakeWorld({
      faults: [{ type: 'reset', at: 'answer' }],
    })
    const made = await clock.run(() => admin.create('new'))
    expect(made.title).toBe('new')
    expect(sent().map((line) => line.split(' ')[0])).toEqual(['POST', 'POST', 'GET'])
    expect(await collect(admin.list())).toHaveLength(2)
  })

  test('deletes once, also where the answer is lost', async () => {
    const { admin, clock, namespace } = await createFakeWorld({
      faults: [{ type: 'reset', at: 'answer' }],
    })
    await clock.run(() => admin.delete(namespace.id))
    expect(await collect(admin.list())).toEqual([])
  })

  test('refuses ids and titles that cannot be', async () => {
    const { admin, sent } = await createFakeWorld()
    await expect(admin.delete('../x')).rejects.toThrow(TypeError)
    await expect(admin.rename('', 'title')).rejects.toThrow(TypeError)
    await expect(admin.create('')).rejects.toThrow(
      'Cannot create a KV namespace: title must be a text that is not empty, received an empty one',
    )
    expect(sent()).toEqual([])
  })
})

describe('a namespace by its title', () => {
  const open = ({ options }: FakeWorld): KVNamespace =>
    createHttpKVNamespace({ ...options, namespaceTitle: 'settings' })

  test('is looked up once, over all pages', async () => {
    const world = await createFakeWorld()
    for (let index = 0; index < 120; index++) world.api.addNamespace(`n${index}`)
    const kv = open(world)
    await Promise.all([kv.put('a', '1'), kv.put('b', '2'), kv.get('c')])
    await kv.get('a')
    const lookUps = world.sent().filter((line) => line.startsWith('GET ?page='))
    expect(lookUps).toHaveLength(2)
    expect(world.namespace.text('a')).toBe('1')
  })

  test('is an error when there is none, or several, and is looked up again then', async () => {
    const world = await createFakeWorld()
    const kv = createHttpKVNamespace({ ...world.options, namespaceTitle: 'new' })
    expect(await errorOf(kv.get('k'))).toMatchObject({
      code: 'not_found',
      message: 'Cannot find the KV namespace "new": one of that title was wanted, found 0',
    })
    world.api.addNamespace('new')
    expect(await kv.get('k')).toBeNull()
    world.api.addNamespace('settings')
    expect(await errorOf(open(world).get('k'))).toMatchObject({ code: 'ambiguous_title' })
  })

  test('is looked up again when the namespace is gone', async () => {
    const world = await createFakeWorld()
    const kv = open(world)
    await kv.get('k')
    await world.admin.delete(world.namespace.id)
    await world.admin.create('settings')
    expect(await errorOf(kv.get('k'))).toMatchObject({ code: 'not_found', cloudflareCode: 10_013 })
    expect(await kv.get('k')).toBeNull()
  })

  test('is looked up for all, also where the first to ask gives up', async () => {
    const world = await createFakeWorld({ faults: [{ type: 'slow', delayMs: 5000 }] })
    const kv = createHttpKVNamespace({ ...world.options, namespaceTitle: 'settings' })
    const controller = new AbortController()
    world.clock.setTimeout(() => {
      controller.abort(new Error('enough'))
    }, 1000)
    const first = kv.withCallOptions({ signal: controller.signal }).get('k')
    const second = kv.get('k')
    const settled = await world.clock.run(() => Promise.allSettled([first, second]))
    expect(settled).toMatchObject([
      { status: 'rejected', reason: { message: 'enough' } },
      { value: null },
    ])
  })
})
