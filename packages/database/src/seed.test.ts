import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { and, count, eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase } from './database.ts'
import {
  accounts,
  categories,
  content,
  creators,
  mediaItems,
  platformSettings,
  purchases,
  users,
} from './schema.ts'
import { sampleData, samplePassword, sampleUsers, seed } from './seed.ts'

const database = createDatabase(env.DB)
const nowMs = Date.UTC(2026, 10, 21)
const options = {
  hashPassword: (password: string) => Promise.resolve(`hash of ${password}`),
  now: () => nowMs,
}

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

async function snapshot(): Promise<unknown> {
  return Promise.all(
    [users, accounts, creators, categories, mediaItems, content, purchases, platformSettings].map(
      (table) => database.select().from(table),
    ),
  )
}

describe('sampleData', () => {
  it('builds the same rows and files every time', async () => {
    expect(await sampleData({ nowMs })).toEqual(await sampleData({ nowMs }))
  })

  it('has enough to browse: ten items in each of six categories, some featured, free and in draft', async () => {
    const { content: items } = await sampleData({ nowMs })
    const ids = new Set(items.map((item) => item.categoryId))
    expect(ids.size).toBe(6)
    for (const id of ids) {
      expect(items.filter((item) => item.categoryId === id)).toHaveLength(10)
    }
    expect(items.filter((item) => item.featured === true).length).toBeGreaterThanOrEqual(6)
    expect(items.filter((item) => item.priceCents === 0).length).toBeGreaterThanOrEqual(5)
    expect(items.filter((item) => item.status === 'draft').length).toBeGreaterThanOrEqual(3)
    expect(new Set(items.map((item) => item.slug)).size).toBe(60)
    expect(new Set(items.map((item) => item.title)).size).toBe(60)
  })

  it('gives every item a summary and two to four paragraphs', async () => {
    for (const item of (await sampleData({ nowMs })).content) {
      expect(item.summary?.length, item.slug).toBeGreaterThan(30)
      const paragraphs = item.body?.split('\n\n') ?? []
      expect(paragraphs.length, item.slug).toBeGreaterThanOrEqual(2)
      expect(paragraphs.length, item.slug).toBeLessThanOrEqual(4)
    }
  })

  it('publishes within the last year and never in the future, and never features a draft', async () => {
    for (const item of (await sampleData({ nowMs })).content) {
      if (item.status === 'draft') {
        expect([item.publishedAt, item.featured], item.slug).toEqual([null, false])
        continue
      }
      const ageMs = nowMs - Number(item.publishedAt)
      expect(ageMs, item.slug).toBeGreaterThan(0)
      expect(ageMs, item.slug).toBeLessThan(366 * 24 * 60 * 60 * 1000)
    }
  })

  it('sells only what was published at the time of the purchase', async () => {
    const data = await sampleData({ nowMs })
    for (const purchase of data.purchases) {
      const item = data.content.find((each) => each.id === purchase.contentId)
      expect(item?.status, purchase.id).toBe('published')
      expect(Number(item?.publishedAt), purchase.id).toBeLessThan(Number(purchase.purchasedAt))
    }
  })
})

describe('seed', () => {
  it('fills an empty database', async () => {
    const { insertedRows } = await seed(database, options)
    expect(insertedRows).toBeGreaterThan(150)
    expect(await database.select({ n: count() }).from(content)).toEqual([{ n: 60 }])
    expect(await database.select({ n: count() }).from(users)).toEqual([{ n: sampleUsers.length }])
    const rows = await database.select().from(platformSettings)
    expect(Object.fromEntries(rows.map((row) => [row.key, row.value]))).toMatchObject({
      siteName: 'Codex',
      announcement: null,
      maxUploadBytes: 26_214_400,
      registrationOpen: true,
    })
  })

  it('gives every sample user the sample password and a verified e-mail', async () => {
    await seed(database, options)
    const rows = await database
      .select({ email: users.email, password: accounts.password })
      .from(users)
      .innerJoin(
        accounts,
        and(eq(accounts.accountId, users.id), eq(accounts.providerId, 'credential')),
      )
      .where(eq(users.emailVerified, true))
    expect(rows).toHaveLength(sampleUsers.length)
    expect(new Set(rows.map((row) => row.password))).toEqual(new Set([`hash of ${samplePassword}`]))
  })

  it('changes nothing the second time, on another day', async () => {
    await seed(database, options)
    const before = await snapshot()
    const again = await seed(database, { ...options, now: () => nowMs + 86_400_000 })
    expect(again).toEqual({ insertedRows: 0 })
    expect(await snapshot()).toEqual(before)
  })

  it('leaves an edited row as it is', async () => {
    await seed(database, options)
    await database.update(content).set({ title: 'Mine now' }).where(eq(content.slug, 'north-light'))
    await seed(database, options)
    const item = await database.query.content.findFirst({ where: eq(content.slug, 'north-light') })
    expect(item?.title).toBe('Mine now')
  })

  it('inserts all or nothing', async () => {
    await env.DB.exec('DROP TABLE platform_settings')
    await expect(seed(database, options)).rejects.toThrow()
    expect(await database.select({ n: count() }).from(users)).toEqual([{ n: 0 }])
  })

  it('leaves a file that is in the bucket already as it is', async () => {
    await seed(database, { ...options, bucket: env.MEDIA })
    const [item] = await database.select().from(mediaItems).limit(1)
    const key = item?.objectKey ?? ''
    await env.MEDIA.put(key, 'replaced')
    await seed(database, { ...options, bucket: env.MEDIA })
    expect(await (await env.MEDIA.get(key))?.text()).toBe('replaced')
  })

  it('puts into a bucket exactly the files that the media items describe', async () => {
    await seed(database, { ...options, bucket: env.MEDIA })
    for (const item of await database.select().from(mediaItems)) {
      const object = await env.MEDIA.get(item.objectKey)
      const bytes = await object?.arrayBuffer()
      expect(bytes?.byteLength, item.objectKey).toBe(item.sizeBytes)
      const digest = await crypto.subtle.digest('SHA-256', bytes ?? new ArrayBuffer())
      const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
      expect(hex.join(''), item.objectKey).toBe(item.sha256)
    }
  })
})
