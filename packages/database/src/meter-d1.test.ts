import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { asc, eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase } from './database.ts'
import { meterD1 } from './meter-d1.ts'
import { categories } from './schema.ts'

let queries = 0
let metered: D1Database

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await env.DB.prepare('DELETE FROM categories').run()
  queries = 0
  metered = meterD1(env.DB, (count) => {
    queries += count
  })
})
afterEach(() => reset())

const insert = 'INSERT INTO categories (id, slug, name) VALUES (?, ?, ?)'

describe('meterD1', () => {
  it('counts nothing for preparing and binding', () => {
    metered.prepare('SELECT ?').bind(1)
    expect(queries).toBe(0)
  })

  it('counts one for each run, all, first and raw, and returns what D1 returns', async () => {
    await metered.prepare(insert).bind('a', 'audio', 'Audio').run()
    expect(queries).toBe(1)

    const statement = metered.prepare('SELECT id, slug FROM categories WHERE id = ?').bind('a')
    expect((await statement.all()).results).toEqual([{ id: 'a', slug: 'audio' }])
    expect(await statement.first()).toEqual({ id: 'a', slug: 'audio' })
    expect(await statement.first('slug')).toBe('audio')
    expect(await statement.raw()).toEqual([['a', 'audio']])
    expect(await statement.raw({ columnNames: true })).toEqual([
      ['id', 'slug'],
      ['a', 'audio'],
    ])
    expect(queries).toBe(6)
  })

  it('counts each statement of a batch, which stays one transaction', async () => {
    const statement = metered.prepare(insert)
    await metered.batch([
      statement.bind('a', 'audio', 'Audio'),
      statement.bind('b', 'film', 'Film'),
    ])
    expect(queries).toBe(2)

    await expect(
      metered.batch([statement.bind('c', 'art', 'Art'), statement.bind('d', 'audio', 'Taken')]),
    ).rejects.toThrow(/UNIQUE/)
    expect(queries).toBe(4)
    expect(await env.DB.prepare('SELECT count(*) AS n FROM categories').first('n')).toBe(2)
  })

  it('takes statements of the plain database in a batch too', async () => {
    await metered.batch([env.DB.prepare(insert).bind('a', 'audio', 'Audio')])
    expect(queries).toBe(1)
  })

  it('counts a query that fails', async () => {
    await expect(metered.prepare('SELECT * FROM nowhere').all()).rejects.toThrow(/nowhere/)
    await expect(metered.exec('SELECT * FROM nowhere')).rejects.toThrow(/nowhere/)
    expect(queries).toBe(2)
  })

  it('counts the statements of an exec', async () => {
    await metered.exec('DELETE FROM categories\nDELETE FROM refunds')
    expect(queries).toBe(2)
  })

  it('counts inside a session and keeps its bookmark', async () => {
    const session = metered.withSession('first-primary')
    expect(session.getBookmark()).toBeNull()
    await session.prepare(insert).bind('a', 'audio', 'Audio').run()
    await session.batch([session.prepare('SELECT 1'), session.prepare('SELECT 2')])
    expect(queries).toBe(3)
    expect(session.getBookmark()).toEqual(expect.any(String))
  })

  it('counts what drizzle sends, single queries and batches', async () => {
    const database = createDatabase(metered)
    await database.insert(categories).values({ id: 'a', slug: 'audio', name: 'Audio' })
    const [rows, again] = await database.batch([
      database.select().from(categories).orderBy(asc(categories.slug)),
      database.query.categories.findFirst({ where: eq(categories.slug, 'audio') }),
    ])
    expect(rows).toHaveLength(1)
    expect(again?.name).toBe('Audio')
    expect(queries).toBe(3)
  })

  it('passes counts through a meter on a meter', async () => {
    let outer = 0
    const twice = meterD1(metered, (count) => {
      outer += count
    })
    await twice.batch([twice.prepare('SELECT 1'), twice.prepare('SELECT 2')])
    expect([queries, outer]).toEqual([2, 2])
  })
})
