import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { MapSessionStorage } from './map-session-storage.ts'
import { expectSessionStorage } from './session-storage.contract.ts'
import { SqlSessionStorage } from './sql-session-storage.ts'

test('a map keeps rows', () => {
  const storage = new MapSessionStorage()
  expectSessionStorage(() => storage)
})

test('SQLite keeps rows, and makes no table before the first', async () => {
  await runInDurableObject(env.SESSIONS.getByName('storage'), (_, { storage: { sql } }) => {
    const asked = new SqlSessionStorage(sql)
    asked.loadUser()
    asked.loadSessions()
    asked.deleteSession('none')
    expect(sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").toArray()).toEqual([])
    expectSessionStorage(() => new SqlSessionStorage(sql))
  })
})
