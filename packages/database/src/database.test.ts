import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  categories,
  content,
  createDatabase,
  platformSettings,
  processedWebhookEvents,
  users,
} from './index.ts'

const database = createDatabase(env.DB)

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

async function addUser(email: string): Promise<string> {
  const [user] = await database.insert(users).values({ name: 'Ada', email }).returning()
  if (user === undefined) throw new Error('D1 returned no row')
  return user.id
}

describe('the migrations', () => {
  const shelves = [
    'Courses',
    'Sample packs',
    'Photo presets',
    'Essays and zines',
    'Design templates',
    'Film and 3D assets',
  ]

  it('give a new site its six categories, in order', async () => {
    const rows = await database.select().from(categories).orderBy(categories.position)
    expect(rows.map((row) => row.name)).toEqual(shelves)
  })

  it('leave a category as it is that is there already', async () => {
    await database.update(categories).set({ name: 'Classes' }).where(eq(categories.slug, 'courses'))
    const again = env.D1_MIGRATIONS.find(({ name }) => name === '0001_categories.sql')
    for (const query of again?.queries ?? []) await env.DB.prepare(query).run()
    const rows = await database.select().from(categories).orderBy(categories.position)
    expect(rows.map((row) => row.name)).toEqual(['Classes', ...shelves.slice(1)])
  })
})

describe('the schema', () => {
  it('fills in ids, times, the role and the verification of a new user', async () => {
    const before = Date.now()
    const id = await addUser('ada@codex.example')
    const user = await database.query.users.findFirst({ where: eq(users.id, id) })
    expect(user).toMatchObject({ role: 'customer', emailVerified: false })
    // The default is SQLite's clock in whole seconds.
    expect(user?.createdAt.getTime()).toBeGreaterThanOrEqual(before - 1000)
  })

  it('refuses a second user with the same e-mail', async () => {
    await addUser('ada@codex.example')
    await expect(addUser('ada@codex.example')).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/UNIQUE/) as unknown },
    })
  })

  it('refuses a negative price and an unknown category', async () => {
    const creatorId = await addUser('ada@codex.example')
    const [category] = await database
      .insert(categories)
      .values({ slug: 'audio', name: 'Audio' })
      .returning()
    const row = { slug: 'x', title: 'X', creatorId, categoryId: category?.id ?? '' }
    await expect(database.insert(content).values({ ...row, priceCents: -1 })).rejects.toMatchObject(
      { cause: { message: expect.stringMatching(/CHECK/) as unknown } },
    )
    await expect(
      database.insert(content).values({ ...row, categoryId: 'none', priceCents: 1 }),
    ).rejects.toMatchObject({ cause: { message: expect.stringMatching(/FOREIGN KEY/) as unknown } })
  })

  it('keeps settings of any JSON shape', async () => {
    await database.insert(platformSettings).values([
      { key: 'announcement', value: 'Hello' },
      { key: 'limits', value: { uploads: [1, 2] } },
      { key: 'registrationOpen', value: false },
      { key: 'tagline', value: null },
    ])
    const rows = await database.select().from(platformSettings).orderBy(platformSettings.key)
    expect(rows.map((row) => row.value)).toEqual(['Hello', { uploads: [1, 2] }, false, null])
  })

  it('accepts a webhook event once per provider', async () => {
    const event = { eventId: 'evt_1', type: 'charge.refunded', eventCreatedAt: new Date() }
    await database.insert(processedWebhookEvents).values({ provider: 'stripe', ...event })
    await database.insert(processedWebhookEvents).values({ provider: 'other', ...event })
    await expect(
      database.insert(processedWebhookEvents).values({ provider: 'stripe', ...event }),
    ).rejects.toThrow()
  })
})
