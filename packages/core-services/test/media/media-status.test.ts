import { keys } from '@codex/cloudflare-clients'
import { type MediaItemRow, mediaItems } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addCreator, createMediaFixture, uploadOf, type MediaFixture } from './media-fixture.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

const readyResult = {
  detectedType: 'text/plain',
  sha256: 'a'.repeat(64),
  widthPx: null,
  heightPx: null,
  manifestKey: 'creators/creator-1/manifest.json',
}
const job = { jobId: 'job-1', detectedType: 'video/mp4', sha256: 'b'.repeat(64) }

async function uploaded(fixture: MediaFixture, creatorId = 'creator-1'): Promise<MediaItemRow> {
  const result = await fixture.media.upload(creatorId, uploadOf('text'))
  if (!result.ok) throw new Error(result.reason)
  return result.media
}

async function start(): Promise<MediaFixture & { id: string }> {
  const fixture = createMediaFixture()
  await addCreator(fixture.database)
  const { id } = await uploaded(fixture)
  fixture.queries.length = 0
  fixture.sent.length = 0
  return { ...fixture, id }
}

describe('the status of an item', () => {
  it('goes from uploaded over processing to ready', async () => {
    const { media, id, clock } = await start()
    clock.nowMs += 1000
    expect(await media.markProcessing(id)).toMatchObject({ status: 'processing' })
    expect(await media.markReady(id, readyResult)).toMatchObject({
      ...readyResult,
      status: 'ready',
      updatedAt: new Date(clock.nowMs),
    })
  })

  it('never leaves ready', async () => {
    const { media, id } = await start()
    await media.markReady(id, readyResult)
    expect(await media.markProcessing(id)).toBeNull()
    expect(await media.attachJob(id, job)).toBeNull()
    expect(await media.markFailed(id, 'late')).toBeNull()
    expect(await media.markReady(id, { ...readyResult, sha256: 'c' })).toBeNull()
    expect(await media.get(id)).toMatchObject({ ...readyResult, status: 'ready' })
  })

  it('leaves failed only by a retry', async () => {
    const { media, id } = await start()
    expect(await media.markFailed(id, 'x'.repeat(400))).toMatchObject({
      status: 'failed',
      failureReason: 'x'.repeat(300),
    })
    expect(await media.markProcessing(id)).toBeNull()
    expect(await media.markReady(id, readyResult)).toBeNull()
    expect(await media.retry('creator-1', id)).toMatchObject({
      ok: true,
      queued: true,
      media: { status: 'uploaded', failureReason: null },
    })
    expect(await media.markReady(id, readyResult)).toMatchObject({ status: 'ready' })
  })

  it('takes the external job of one of two submissions', async () => {
    const { media, id } = await start()
    const results = await Promise.all([
      media.attachJob(id, job),
      media.attachJob(id, { ...job, jobId: 'job-2' }),
    ])
    expect(results.filter((row) => row !== null)).toHaveLength(1)
    expect(await media.markProcessing(id)).toBeNull()
  })

  it('is moved by the job that the item has and by no other', async () => {
    const { media, id } = await start()
    await media.attachJob(id, job)
    expect(await media.markFailed(id, 'stale', { ifJobId: null })).toBeNull()
    expect(await media.markReady(id, readyResult, { ifJobId: 'job-2' })).toBeNull()
    expect(await media.markReady(id, readyResult, { ifJobId: 'job-1' })).toMatchObject({
      status: 'ready',
      externalJobId: null,
    })
  })
})

describe('getStatus', () => {
  it('costs one database query, then none for 60 seconds, while an external job works', async () => {
    const { media, id, clock, queries, background } = await start()
    const job = { jobId: 'job-1', detectedType: 'video/mp4', sha256: 'a'.repeat(64) }
    await media.attachJob(id, job)
    await env.CACHE_KV.delete(keys.cache('media-status', id))
    const updatedAtMs = clock.nowMs
    clock.nowMs += 2000
    queries.length = 0
    background.length = 0
    const first = await media.getStatus(id)
    await Promise.all(background)
    expect(first).toEqual({
      mediaId: id,
      creatorId: 'creator-1',
      status: 'processing',
      failureReason: null,
      updatedAtMs,
    })
    expect(queries).toHaveLength(1)
    clock.nowMs += 59_999
    expect(await media.getStatus(id)).toEqual(first)
    expect(queries).toHaveLength(1)
    clock.nowMs += 1
    expect(await media.getStatus(id)).toEqual(first)
    expect(queries).toHaveLength(2)
  })

  it('leaves nothing in KV that would hide the end of what is done within seconds', async () => {
    const { media, id } = await start()
    expect(await media.getStatus(id)).toMatchObject({ status: 'uploaded' })
    await media.markProcessing(id)
    expect(await media.getStatus(id)).toMatchObject({ status: 'processing' })
    expect(await env.CACHE_KV.get(keys.cache('media-status', id))).toBeNull()
  })

  it('shows ready and failed at once where they were written', async () => {
    const fixture = await start()
    const { media, id, queries } = fixture
    const other = await uploaded(fixture)
    await media.getStatus(id)
    await media.markReady(id, readyResult)
    await media.markFailed(other.id, 'The file is empty.')
    queries.length = 0
    expect(await media.getStatus(id)).toMatchObject({ status: 'ready' })
    expect(await media.getStatus(other.id)).toMatchObject({
      status: 'failed',
      failureReason: 'The file is empty.',
    })
    expect(queries).toEqual([])
  })

  it('does not write the cache for a step that did not happen', async () => {
    const { media, id } = await start()
    await media.markReady(id, readyResult)
    await media.markFailed(id, 'late')
    expect(await media.getStatus(id)).toMatchObject({ status: 'ready', failureReason: null })
  })

  it('is null for an unknown item, which is not cached', async () => {
    const { media } = await start()
    expect(await media.getStatus('unknown')).toBeNull()
    expect((await env.CACHE_KV.list()).keys.map(({ name }) => name)).not.toContain(
      keys.cache('media-status', 'unknown'),
    )
  })

  it('answers from the database when the cache holds something else', async () => {
    const { media, id } = await start()
    await env.CACHE_KV.put(keys.cache('media-status', id), '{"status":"wonderful"}')
    expect(await media.getStatus(id)).toMatchObject({ status: 'uploaded' })
  })

  it('answers, and moves on, while KV throws on every call', async () => {
    const { media, id, outages } = await start()
    outages.kv = true
    expect(await media.getStatus(id)).toMatchObject({ status: 'uploaded' })
    expect(await media.markReady(id, readyResult)).toMatchObject({ status: 'ready' })
    expect(await media.getStatus(id)).toMatchObject({ status: 'ready' })
  })

  it('writes the database first, so that the cache never knows more', async () => {
    const { media, id, outages } = await start()
    outages.d1 = (query) => query.startsWith('update')
    await expect(media.markReady(id, readyResult)).rejects.toThrow('D1_ERROR')
    expect(await media.getStatus(id)).toMatchObject({ status: 'uploaded' })
  })
})

describe('listByCreator', () => {
  it("lists one creator's items, newest first", async () => {
    const fixture = await start()
    await addCreator(fixture.database, 'creator-2')
    await uploaded(fixture, 'creator-2')
    fixture.clock.nowMs += 1
    const newer = await uploaded(fixture)
    const list = await fixture.media.listByCreator('creator-1')
    expect(list.map(({ id }) => id)).toEqual([newer.id, fixture.id])
  })
})

describe('retry', () => {
  it('sends again for an item that was never picked up', async () => {
    const { media, id, sent } = await start()
    expect(await media.retry('creator-1', id)).toMatchObject({ ok: true, queued: true })
    expect(sent).toEqual([{ body: { type: 'transcode', mediaId: id } }])
  })

  it('keeps the item for a later call when the queue fails', async () => {
    const { media, id, outages } = await start()
    outages.queue = true
    expect(await media.retry('creator-1', id)).toMatchObject({ ok: true, queued: false })
    outages.queue = false
    expect(await media.retry('creator-1', id)).toMatchObject({ ok: true, queued: true })
  })

  it.each([
    ['processing', 'in_progress'],
    ['ready', 'already_ready'],
  ] as const)('leaves an item that is %s alone', async (status, reason) => {
    const { media, id, database, sent } = await start()
    await database.update(mediaItems).set({ status }).where(eq(mediaItems.id, id))
    expect(await media.retry('creator-1', id)).toEqual({ ok: false, reason })
    expect(await media.get(id)).toMatchObject({ status })
    expect(sent).toEqual([])
  })

  it("does not find another creator's item", async () => {
    const { media, id } = await start()
    await media.markFailed(id, 'x')
    expect(await media.retry('creator-2', id)).toEqual({ ok: false, reason: 'not_found' })
    expect(await media.get(id)).toMatchObject({ status: 'failed' })
  })
})

describe('requeueStuck', () => {
  const hourMs = 3_600_000

  it('sends again for what stood still for longer than asked, and only once', async () => {
    const { media, id, sent, clock } = await start()
    clock.nowMs += hourMs
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 0 })
    clock.nowMs += 1
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 1 })
    expect(sent).toEqual([{ body: { type: 'transcode', mediaId: id } }])
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 0 })
  })

  it('leaves ready and failed items alone', async () => {
    const fixture = await start()
    const { media, id, clock } = fixture
    const other = await uploaded(fixture)
    await media.markReady(id, readyResult)
    await media.markFailed(other.id, 'x')
    clock.nowMs += 2 * hourMs
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 0 })
  })

  it('gives an external job more time, and keeps the time it was submitted', async () => {
    const { media, id, clock } = await start()
    const attached = await media.attachJob(id, job)
    clock.nowMs += 2 * hourMs
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 0 })
    clock.nowMs += hourMs + 1
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 1 })
    expect((await media.get(id))?.updatedAt).toEqual(attached?.updatedAt)
  })

  it('finds the items again when the queue fails', async () => {
    const { media, outages, clock } = await start()
    clock.nowMs += 2 * hourMs
    outages.queue = true
    await expect(media.requeueStuck(hourMs)).rejects.toThrow('Queue send failed')
    outages.queue = false
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 1 })
  })

  it('takes up to 50 at once, the longest waiting first', async () => {
    const { media, database, clock, sent, id } = await start()
    const rows = Array.from({ length: 60 }, (_, index) => ({
      id: `m-${index}`,
      creatorId: 'creator-1',
      filename: 'x',
      objectKey: `k-${index}`,
      declaredType: 'text/plain',
      sizeBytes: 1,
      createdAt: new Date(clock.nowMs),
      updatedAt: new Date(clock.nowMs + 1 + index),
    }))
    for (const row of rows) await database.insert(mediaItems).values(row)
    clock.nowMs += 2 * hourMs
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 50 })
    expect(sent[0]).toEqual({ body: { type: 'transcode', mediaId: id } })
    expect(await media.requeueStuck(hourMs)).toEqual({ requeuedItems: 11 })
    expect(new Set(sent.map(({ body }) => body.mediaId)).size).toBe(61)
  })

  it.each([0, 51, 1.5])('throws on a limit of %d', async (limit) => {
    const { media } = await start()
    await expect(media.requeueStuck(hourMs, { limit })).rejects.toThrow(RangeError)
  })
})
