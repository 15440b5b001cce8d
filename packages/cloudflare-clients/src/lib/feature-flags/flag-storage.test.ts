import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { FlagWrite } from './flag-storage.ts'
import { expectFlagStorage } from './flag-storage.contract.ts'
import { MapFlagStorage } from './map-flag-storage.ts'
import { SqlFlagStorage } from './sql-flag-storage.ts'

test('a map keeps rows', () => {
  const storage = new MapFlagStorage()
  expectFlagStorage(() => storage)
})

test('SQLite keeps rows, and makes no table before the first', async () => {
  await runInDurableObject(env.FLAGS.getByName('storage'), (_, { storage }) => {
    const asked = new SqlFlagStorage(storage)
    asked.loadState()
    asked.loadRows()
    asked.loadReceipts()
    Array.from(asked.loadHistory({ target: undefined, beforeVersion: undefined, limit: 1 }))
    expect(
      storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'standing'").toArray(),
    ).toEqual([])
    expectFlagStorage(() => new SqlFlagStorage(storage))
  })
})

test('SQLite writes changes as a whole, or nothing of them', async () => {
  await runInDurableObject(env.FLAGS.getByName('whole'), (_, { storage }) => {
    const flags = new SqlFlagStorage(storage)
    const target = { kind: 'flag', name: 'a' } as const
    const definition = { enabled: true }
    const write = (version: number): FlagWrite => ({
      changeId: 'id',
      change: { version, atMs: 1, target, author: 'ada', before: null, after: definition },
      deleted: [],
      saved: { ...target, version, definition },
      forgetUpToVersion: 0,
    })
    flags.save([write(1)])
    for (const trigger of [
      "BEFORE UPDATE ON standing BEGIN SELECT RAISE(ABORT, 'full'); END",
      "BEFORE INSERT ON history WHEN NEW.version = 3 BEGIN SELECT RAISE(ABORT, 'full'); END",
    ]) {
      storage.sql.exec(`CREATE TRIGGER fails ${trigger}`)
      expect(() => {
        flags.save([write(2), write(3)])
      }).toThrow('full')
      storage.sql.exec('DROP TRIGGER fails')
      expect(flags.loadRows()).toMatchObject([{ version: 1 }])
      expect(flags.loadReceipts()).toMatchObject([{ version: 1 }])
    }
  })
})

test('a change of the largest definitions fits into a row of SQLite', async () => {
  await runInDurableObject(env.FLAGS.getByName('large'), (_, { storage }) => {
    const flags = new SqlFlagStorage(storage)
    const target = { kind: 'flag', name: '日'.repeat(128) } as const
    const definition = { enabled: true, description: '日'.repeat(87_000) }
    const largest: FlagWrite = {
      changeId: 'i'.repeat(128),
      change: {
        version: 1,
        atMs: 1,
        target,
        author: '日'.repeat(200),
        reason: '\n'.repeat(1000),
        before: definition,
        after: definition,
      },
      deleted: [],
      saved: { ...target, version: 1, definition },
      forgetUpToVersion: 0,
    }
    flags.save([largest])
    expect(flags.loadRows()).toEqual([{ ...target, version: 1, definition }])
  })
})
