import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { configDocumentLimits } from '../config-document.ts'
import { expectConfigStorage, toWrite } from './config-storage.contract.ts'
import { MapConfigStorage } from './map-config-storage.ts'
import { SqlConfigStorage } from './sql-config-storage.ts'

test('a map keeps a configuration', () => {
  const storage = new MapConfigStorage()
  expectConfigStorage(() => storage)
})

test('SQLite keeps a configuration, and makes no table before the first row', async () => {
  await runInDurableObject(env.CONFIG.getByName('storage'), (_, { storage }) => {
    const asked = new SqlConfigStorage(storage)
    asked.loadState()
    asked.loadReleases({ beforeVersion: undefined, limit: 1 })
    const tables = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'standing'")
    expect(tables.toArray()).toEqual([])
    expectConfigStorage(() => new SqlConfigStorage(storage))
  })
})

test('SQLite writes a change as a whole, or nothing of it', async () => {
  await runInDurableObject(env.CONFIG.getByName('whole'), (_, { storage }) => {
    const config = new SqlConfigStorage(storage)
    config.save(toWrite(1))
    storage.sql.exec(
      "CREATE TRIGGER fails BEFORE UPDATE ON standing BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    expect(() => {
      config.save(toWrite(2))
    }).toThrow('full')
    expect(config.loadState()).toMatchObject({ version: 1 })
    expect([config.loadRelease(2), config.findReceipt('id-2')]).toEqual([undefined, undefined])
  })
})

test('the largest body fits into a row of SQLite', async () => {
  await runInDurableObject(env.CONFIG.getByName('large'), (_, { storage }) => {
    const config = new SqlConfigStorage(storage)
    const text = '日'.repeat(Math.floor(configDocumentLimits.maxBodyBytes / 3))
    config.save(toWrite(1, { body: { sha256: 'hash of 1', text } }))
    expect(config.loadBody('hash of 1')).toBe(text)
  })
})
