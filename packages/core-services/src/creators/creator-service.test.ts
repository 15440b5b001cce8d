import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { creators } from '@codex/database'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addCreator,
  addUser,
  createCache,
  createFailingKV,
  createMeteredDatabase,
  database,
  expectOk,
} from '../../test/fixtures.ts'
import { createCreatorService } from './creator-service.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

function createService(kv: KVNamespace = env.CACHE_KV) {
  const metered = createMeteredDatabase()
  const service = createCreatorService({ database: metered.database, cache: createCache(kv) })
  return { service, count: metered.count }
}

describe('ensureCreator', () => {
  it('makes a creator with a handle of the name and a place for uploads', async () => {
    await addUser('u1')
    const { service } = createService()
    const result = await service.ensureCreator({ id: 'u1', name: ' Zoë O’Neill ' })
    const creator = { id: 'u1', handle: 'zoe-oneill', displayName: 'Zoë O’Neill', bio: '' }
    expect(result).toEqual({ ok: true, creator })
    expect(await service.getByHandle('zoe-oneill')).toEqual(creator)
    expect(await service.getBucket('u1')).toEqual({ storagePrefix: 'creators/u1' })
  })

  it('gives the same creator again, whatever the name is by then', async () => {
    await addUser('u1')
    const { service } = createService()
    const first = await service.ensureCreator({ id: 'u1', name: 'Zoe' })
    expect(await service.ensureCreator({ id: 'u1', name: 'Someone else' })).toEqual(first)
  })

  it('makes one creator of many calls at the same moment', async () => {
    await addUser('u1')
    const { service } = createService()
    const calls = Array.from({ length: 8 }, () => service.ensureCreator({ id: 'u1', name: 'Zoe' }))
    const results = await Promise.all(calls)
    expect(new Set(results.map((result) => expectOk(result).creator.handle))).toEqual(
      new Set(['zoe']),
    )
    expect(await database.select().from(creators)).toHaveLength(1)
  })

  it('gives people of one name different handles, also at the same moment', async () => {
    const ids = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']
    for (const id of ids) await addUser(id)
    const { service } = createService()
    const results = await Promise.all(
      ids.map((id) => service.ensureCreator({ id, name: 'Sam Lee' })),
    )
    const handles = results.map((result) => expectOk(result).creator.handle)
    expect(new Set(handles).size).toBe(6)
    expect(handles).toContain('sam-lee')
  })

  it('answers not_found for an unknown user and names wrong fields', async () => {
    const { service } = createService()
    expect(await service.ensureCreator({ id: 'nobody', name: 'Zoe' })).toEqual({
      ok: false,
      reason: 'not_found',
    })
    expect(await service.ensureCreator({ id: '', name: ' ' })).toMatchObject({
      reason: 'invalid_input',
      issues: [{ path: 'id' }, { path: 'name' }],
    })
  })
})

describe('getBucket', () => {
  it('asks the database once and then the cache, with the same answer', async () => {
    await addCreator('ada')
    const { service, count } = createService()
    const miss = await service.getBucket('ada')
    expect(miss).toEqual({ storagePrefix: 'creators/ada' })
    expect(await service.getBucket('ada')).toEqual(miss)
    expect(count.queries).toBe(1)
  })

  it('gives null for who is no creator, and the bucket as soon as they are one', async () => {
    await addUser('u1')
    const { service } = createService()
    expect(await service.getBucket('u1')).toBeNull()
    expectOk(await service.ensureCreator({ id: 'u1', name: 'Zoe' }))
    expect(await service.getBucket('u1')).toEqual({ storagePrefix: 'creators/u1' })
  })

  it.each([
    ['absent', createEmptyKV],
    ['failing', createFailingKV],
  ])('answers from the database when KV is %s', async (_, createKV) => {
    await addCreator('ada')
    const { service } = createService(createKV())
    expect(await service.getBucket('ada')).toEqual({ storagePrefix: 'creators/ada' })
  })

  it('asks the database when the cached value is damaged', async () => {
    await addCreator('ada')
    await env.CACHE_KV.put('cache:creator-bucket:ada', '{"storagePrefix":7}')
    expect(await createService().service.getBucket('ada')).toEqual({
      storagePrefix: 'creators/ada',
    })
  })
})

describe('getByHandle', () => {
  it('gives null for a handle that nobody has and for what is no handle', async () => {
    const { service } = createService()
    for (const handle of ['nobody', '', '../x', 'A B']) {
      expect(await service.getByHandle(handle)).toBeNull()
    }
  })

  it('asks the database once, and finds a new creator at once', async () => {
    await addUser('u1')
    const { service, count } = createService()
    expect(await service.getByHandle('zoe')).toBeNull()
    await service.ensureCreator({ id: 'u1', name: 'Zoe' })
    const creator = await service.getByHandle('zoe')
    expect(creator).toEqual({ id: 'u1', handle: 'zoe', displayName: 'Zoe', bio: '' })
    const queries = count.queries
    expect(await service.getByHandle('zoe')).toEqual(creator)
    expect(count.queries).toBe(queries)
  })
})
