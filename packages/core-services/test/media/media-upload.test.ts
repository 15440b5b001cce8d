import { CacheClient } from '@codex/cloudflare-clients'
import { mediaItems } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addCreator, createMediaFixture, streamOf, uploadOf } from './media-fixture.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

async function storedKeys(): Promise<string[]> {
  return (await env.MEDIA.list()).objects.map(({ key }) => key)
}

describe('upload', () => {
  it('stores the bytes, records the item and asks for its processing', async () => {
    const { media, database, sent, clock } = createMediaFixture()
    const creatorId = await addCreator(database)
    const bytes = new Uint8Array(5500).map((_, index) => index % 251)
    const result = await media.upload(
      creatorId,
      uploadOf(bytes, { filename: '../song.MP3', declaredType: 'Audio/MPEG; x=y' }),
    )
    if (!result.ok) throw new Error(result.reason)

    const { id } = result.media
    expect(result.queued).toBe(true)
    expect(result.media).toMatchObject({
      creatorId,
      filename: 'song.MP3',
      objectKey: `creators/creator-1/${id}/original`,
      declaredType: 'audio/mpeg',
      sizeBytes: 5500,
      status: 'uploaded',
      createdAt: new Date(clock.nowMs),
    })
    const object = await env.MEDIA.get(result.media.objectKey)
    expect(new Uint8Array((await object?.arrayBuffer()) ?? [])).toEqual(bytes)
    expect(sent).toEqual([{ body: { type: 'transcode', mediaId: id } }])
    expect(await media.get(id)).toEqual(result.media)
  })

  it.each([
    ['longer than declared by one byte', 5499],
    ['shorter than declared by one byte', 5501],
    ['much longer than declared', 10],
    ['much shorter than declared', 900_000],
  ])('refuses a body that is %s and leaves nothing behind', async (_, sizeBytes) => {
    const { media, database, sent } = createMediaFixture()
    const creatorId = await addCreator(database)
    const result = await media.upload(creatorId, uploadOf(new Uint8Array(5500), { sizeBytes }))
    expect(result).toMatchObject({ ok: false, reason: 'size_mismatch' })
    expect(await storedKeys()).toEqual([])
    expect(await database.select().from(mediaItems)).toEqual([])
    expect(sent).toEqual([])
  })

  it('stops reading a body that goes past its declared size', async () => {
    const { media, database } = createMediaFixture()
    const creatorId = await addCreator(database)
    let pulls = 0
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulls += 1
        controller.enqueue(new Uint8Array(1000))
      },
      cancel() {
        cancelled = true
      },
    })
    const input = uploadOf('', { body: endless, sizeBytes: 2000 })
    expect(await media.upload(creatorId, input)).toMatchObject({ reason: 'size_mismatch' })
    expect(cancelled).toBe(true)
    expect(pulls).toBeLessThan(10)
  })

  it('refuses a body that breaks off and leaves nothing behind', async () => {
    const { media, database } = createMediaFixture()
    const creatorId = await addCreator(database)
    const broken = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(10))
      },
      pull() {
        throw new Error('connection reset')
      },
    })
    const input = uploadOf('', { body: broken, sizeBytes: 100 })
    expect(await media.upload(creatorId, input)).toMatchObject({ reason: 'upload_interrupted' })
    expect(await storedKeys()).toEqual([])
    expect(await database.select().from(mediaItems)).toEqual([])
  })

  it.each([
    [99, true],
    [100, true],
    [101, false],
  ])('holds %i bytes against a limit of 100', async (sizeBytes, isAccepted) => {
    const { media, database } = createMediaFixture()
    const creatorId = await addCreator(database)
    const input = uploadOf(new Uint8Array(sizeBytes), { maxUploadBytes: 100 })
    const result = await media.upload(creatorId, input)
    expect(result.ok).toBe(isAccepted)
    if (!result.ok) {
      expect(result).toMatchObject({
        reason: 'too_large',
        message: 'The file is larger than 100 bytes.',
      })
    }
  })

  it.each([
    [0, 'empty_file'],
    [-1, 'invalid_size'],
    [1.5, 'invalid_size'],
    [Number.NaN, 'invalid_size'],
    [Number.POSITIVE_INFINITY, 'invalid_size'],
  ])('refuses a declared size of %d before it reads anything', async (sizeBytes, reason) => {
    const { media, queries } = createMediaFixture()
    const result = await media.upload('creator-1', uploadOf('text', { sizeBytes }))
    expect(result).toMatchObject({ ok: false, reason })
    expect(queries).toEqual([])
  })

  it('refuses a user without a place for uploads', async () => {
    const { media } = createMediaFixture()
    expect(await media.upload('nobody', uploadOf('text'))).toMatchObject({ reason: 'no_creator' })
  })

  it('throws on a limit that is no positive whole number', async () => {
    const { media } = createMediaFixture()
    await expect(media.upload('x', uploadOf('text', { maxUploadBytes: 0 }))).rejects.toThrow(
      'Cannot upload media: maxUploadBytes must be a positive whole number, received 0',
    )
  })

  it('deletes the object again when the database fails', async () => {
    const { media, database, outages, sent } = createMediaFixture()
    const creatorId = await addCreator(database)
    outages.d1 = (query) => query.startsWith('insert')
    await expect(media.upload(creatorId, uploadOf('text'))).rejects.toThrow()
    expect(await storedKeys()).toEqual([])
    expect(sent).toEqual([])
  })

  it('reports the object that it could not delete when the database fails', async () => {
    const { media, database, outages, events } = createMediaFixture()
    const creatorId = await addCreator(database)
    outages.d1 = (query) => query.startsWith('insert')
    outages.r2 = (method) => method === 'delete'
    await expect(media.upload(creatorId, uploadOf('text'))).rejects.toThrow('D1_ERROR')
    expect(events).toMatchObject([
      { type: 'object_delete_failed', objectKey: (await storedKeys())[0] },
    ])
  })

  it('rejects when the bucket fails, and records nothing', async () => {
    const { media, database, outages } = createMediaFixture()
    const creatorId = await addCreator(database)
    outages.r2 = (method) => method === 'put'
    const input = uploadOf(new Uint8Array(50_000))
    await expect(media.upload(creatorId, input)).rejects.toThrow('put: We encountered')
    expect(await database.select().from(mediaItems)).toEqual([])
  })

  it('keeps the item when only the queue fails', async () => {
    const { media, database, outages, events } = createMediaFixture()
    const creatorId = await addCreator(database)
    outages.queue = true
    const result = await media.upload(creatorId, uploadOf('text'))
    expect(result).toMatchObject({ ok: true, queued: false, media: { status: 'uploaded' } })
    expect(events).toMatchObject([{ type: 'queue_send_failed' }])
    expect(await storedKeys()).toHaveLength(1)
    expect(await database.select().from(mediaItems)).toHaveLength(1)
  })

  it('asks for the place of uploads where it is told to', async () => {
    const { database, media } = createMediaFixture()
    await addCreator(database)
    const asked: string[] = []
    const { createMediaService } = await import('../../src/index.ts')
    const service = createMediaService({
      database,
      cache: new CacheClient(env.CACHE_KV),
      bucket: env.MEDIA,
      queue: env.TRANSCODING_QUEUE,
      buckets: {
        getBucket(creatorId) {
          asked.push(creatorId)
          return Promise.resolve({ storagePrefix: 'elsewhere' })
        },
      },
    })
    const result = await service.upload(
      'creator-1',
      uploadOf('text', { body: streamOf(encode('text')) }),
    )
    if (!result.ok) throw new Error(result.reason)
    expect(asked).toEqual(['creator-1'])
    expect(result.media.objectKey).toBe(`elsewhere/${result.media.id}/original`)
    expect(await media.get(result.media.id)).not.toBeNull()
  })
})

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
