import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { platformSettings } from '@codex/database'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addUser,
  createCache,
  createFailingKV,
  createMeteredDatabase,
  database,
  expectOk,
} from '../../test/fixtures.ts'
import type { ServiceEvent } from '../cache/service-event.ts'
import { defaultPlatformSettings } from './platform-settings.ts'
import { createSettingsService } from './settings-service.ts'

const key = 'cache:settings:platform'

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addUser('owner')
})
afterEach(() => reset())

function createService(kv: KVNamespace = env.CACHE_KV) {
  const metered = createMeteredDatabase()
  const events: ServiceEvent[] = []
  const service = createSettingsService({
    database: metered.database,
    cache: createCache(kv),
    now: () => Date.UTC(2026, 5, 1),
    onEvent: (event) => events.push(event),
  })
  return { service, count: metered.count, events }
}

async function storeRaw(name: string, json: string) {
  await env.DB.prepare('insert into platform_settings (key, value, updated_at) values (?, ?, 0)')
    .bind(name, json)
    .run()
}

describe('get', () => {
  it('gives the defaults of an untouched platform, equal from the database and from the cache', async () => {
    const { service, count } = createService()
    expect(await service.get()).toEqual(defaultPlatformSettings)
    expect(await service.get()).toEqual(defaultPlatformSettings)
    expect(count.queries).toBe(1)
  })

  it('keeps the default of every setting whose row is damaged, and the others as stored', async () => {
    await storeRaw('siteName', '"Atelier"')
    await storeRaw('tagline', '{not json')
    await storeRaw('announcement', 'null')
    await storeRaw('maxUploadBytes', '"many"')
    await storeRaw('registrationOpen', '0')
    await storeRaw('unheardOf', '1')
    const { service } = createService()
    expect(await service.get()).toEqual({ ...defaultPlatformSettings, siteName: 'Atelier' })
  })

  it.each(['{not json', 'null', '[]', '{}', '{"siteName":""}', '"text"'])(
    'asks the database when the cached value is %s',
    async (damaged) => {
      await storeRaw('siteName', '"Atelier"')
      await env.CACHE_KV.put(key, damaged)
      const { service } = createService()
      expect(await service.get()).toEqual({ ...defaultPlatformSettings, siteName: 'Atelier' })
      expect(await env.CACHE_KV.get(key, 'json')).toMatchObject({ siteName: 'Atelier' })
    },
  )

  it.each([
    ['absent', createEmptyKV],
    ['failing', createFailingKV],
  ])('answers from the database when KV is %s', async (_, createKV) => {
    await storeRaw('siteName', '"Atelier"')
    expect(await createService(createKV()).service.get()).toMatchObject({ siteName: 'Atelier' })
  })
})

describe('update', () => {
  it('changes the given settings, remembers who did it, and is seen at once', async () => {
    const { service } = createService()
    await service.get()
    const patch = { siteName: ' Atelier ', registrationOpen: false }
    const changed = { ...defaultPlatformSettings, siteName: 'Atelier', registrationOpen: false }
    expect(await service.update(patch, 'owner')).toEqual({
      ok: true,
      settings: changed,
      cacheInvalidated: true,
    })
    expect(await service.get()).toEqual(changed)
    const rows = await database.select().from(platformSettings)
    expect(rows.map((row) => [row.key, row.value, row.updatedBy])).toEqual([
      ['siteName', 'Atelier', 'owner'],
      ['registrationOpen', false, 'owner'],
    ])
    expectOk(await service.update({ registrationOpen: true, tagline: '' }, 'owner'))
    expect(await service.get()).toEqual({ ...changed, registrationOpen: true, tagline: '' })
  })

  it.each([
    [{ siteName: '' }, 'siteName'],
    [{ siteName: 'x'.repeat(61) }, 'siteName'],
    [{ maxUploadBytes: 0 }, 'maxUploadBytes'],
    [{ maxUploadBytes: 104_857_601 }, 'maxUploadBytes'],
    [{ registrationOpen: 'yes' }, 'registrationOpen'],
    [{ other: 1 }, 'other'],
  ])('refuses %j and changes nothing', async (patch, path) => {
    const { service } = createService()
    const result = await service.update({ tagline: 'New', ...patch } as never, 'owner')
    expect(result).toMatchObject({ ok: false, reason: 'invalid_input', issues: [{ path }] })
    expect(await database.select().from(platformSettings)).toEqual([])
  })

  it('accepts an empty patch and answers not_found for an unknown user', async () => {
    const { service } = createService()
    expectOk(await service.update({}, 'owner'))
    expect(await service.update({ tagline: 'x' }, 'nobody')).toEqual({
      ok: false,
      reason: 'not_found',
    })
  })

  it('stands, is reported and says so when the cache cannot be invalidated', async () => {
    const { service, events } = createService(createFailingKV())
    const result = expectOk(await service.update({ siteName: 'Atelier' }, 'owner'))
    expect(result).toMatchObject({ cacheInvalidated: false, settings: { siteName: 'Atelier' } })
    expect(events).toMatchObject([{ type: 'cache_invalidation_failed', keys: [key] }])
    expect(await service.get()).toMatchObject({ siteName: 'Atelier' })
  })
})
