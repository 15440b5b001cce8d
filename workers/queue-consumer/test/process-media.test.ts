import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { handleBatch } from '../src/handler.ts'
import { buildManifest } from '../src/manifest.ts'
import {
  addItem,
  batch,
  createConsumerFixture,
  message,
  readText,
  type StoredItem,
} from './fixtures/consumer-fixture.ts'
import * as sample from './fixtures/sample-files.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

async function processOne(stored: StoredItem) {
  const fixture = createConsumerFixture()
  const item = await addItem(stored)
  const one = message({ type: 'transcode', mediaId: item.id })
  const outcomes = await handleBatch(batch(one), fixture.context)
  const folder = item.objectKey.replace(/\/original$/, '')
  return { ...fixture, item, one, outcomes, row: await fixture.media.get(item.id), folder }
}

describe('processing an uploaded item', () => {
  it('makes an image ready, with its digest, its dimensions and a manifest', async () => {
    const bytes = await sample.png(800, 450)
    const { row, outcomes, one, item, folder, media } = await processOne({
      bytes,
      declaredType: 'image/png',
    })
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')

    expect(outcomes).toEqual({ ready: 1 })
    expect(one.decision).toEqual({ ack: 1, retry: [] })
    expect(row).toMatchObject({
      status: 'ready',
      detectedType: 'image/png',
      sha256,
      widthPx: 800,
      heightPx: 450,
      manifestKey: `${folder}/manifest.json`,
      failureReason: null,
    })
    expect(JSON.parse((await readText(`${folder}/manifest.json`)) ?? '')).toEqual({
      version: 1,
      mediaId: item.id,
      source: { key: item.objectKey, sizeBytes: bytes.byteLength, sha256, type: 'image/png' },
      renditions: [
        {
          name: 'original',
          type: 'image/png',
          key: item.objectKey,
          sizeBytes: bytes.byteLength,
          widthPx: 800,
          heightPx: 450,
        },
        { name: 'w320', type: 'image/webp', widthPx: 320, heightPx: 180 },
        { name: 'w640', type: 'image/webp', widthPx: 640, heightPx: 360 },
      ],
      createdAt: '2026-11-20T11:00:00.000Z',
    })
    expect(await media.getStatus(item.id)).toMatchObject({ status: 'ready' })
  })

  it.each([
    ['a video', 'video/mp4', () => sample.mp4()],
    ['a song', 'audio/mpeg', () => sample.mp3()],
    ['a document', 'application/pdf', () => sample.pdf()],
    ['an archive', 'application/zip', () => sample.zip()],
    ['a text', 'text/markdown', () => sample.utf8('# Hello')],
  ])('makes %s ready as it was uploaded', async (_, declaredType, bytes) => {
    const { row, folder, outcomes } = await processOne({ bytes: bytes(), declaredType })
    expect(outcomes).toEqual({ ready: 1 })
    expect(row).toMatchObject({ status: 'ready', detectedType: declaredType, widthPx: null })
    expect(await readText(`${folder}/manifest.json`)).toContain('"renditions":[{"name":"original"')
  })

  it('reads a file that is longer than what it keeps of it', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).fill(0x61)
    const { row } = await processOne({ bytes, declaredType: 'text/plain' })
    expect(row).toMatchObject({ status: 'ready', detectedType: 'text/plain' })
    bytes[bytes.length - 1] = 0
    const binary = await processOne({ bytes, declaredType: 'text/plain' })
    expect(binary.row).toMatchObject({ status: 'failed' })
  })

  it('makes a photograph ready whose dimensions come after what it keeps', async () => {
    const bytes = sample.jpeg(300, 20, { paddingBytes: 1_300_000 })
    const { row } = await processOne({ bytes, declaredType: 'image/jpeg' })
    expect(row).toMatchObject({ status: 'ready', widthPx: null, heightPx: null })
  })

  it.each<[string, StoredItem, RegExp]>([
    ['is missing', { bytes: null }, /missing\. Upload it again/],
    ['is empty', { bytes: new Uint8Array(), sizeBytes: 0 }, /is empty/],
    [
      'is shorter than recorded',
      { bytes: sample.pdf(), sizeBytes: 1000 },
      /\d+ bytes instead of 1000/,
    ],
    [
      'is something else than declared',
      { bytes: sample.pdf(), declaredType: 'image/png' },
      /declared as image\/png, but its content is application\/pdf/,
    ],
    [
      'is of an unknown type',
      { bytes: Uint8Array.from([0, 1, 2, 3]) },
      /unknown type, not supported/,
    ],
    [
      'is an SVG',
      { bytes: sample.utf8('<svg/>'), declaredType: 'image/svg+xml' },
      /image\/svg\+xml, which is not supported/,
    ],
    [
      'is a damaged image',
      { bytes: sample.jpeg(3, 2).slice(0, 24), declaredType: 'image/jpeg' },
      /image is damaged/,
    ],
  ])('fails a file that %s, for good and with a reason', async (_, stored, reason) => {
    const { row, one, outcomes, folder, media, item } = await processOne(stored)
    expect(outcomes).toEqual({ failed: 1 })
    expect(one.decision).toEqual({ ack: 1, retry: [] })
    expect(row?.status).toBe('failed')
    expect(row?.failureReason).toMatch(reason)
    expect(await readText(`${folder}/manifest.json`)).toBeNull()
    expect(await media.getStatus(item.id)).toMatchObject({
      status: 'failed',
      failureReason: row?.failureReason,
    })
  })

  it('acknowledges a message about an item that is gone', async () => {
    const { context, logs } = createConsumerFixture()
    const one = message({ type: 'transcode', mediaId: 'gone' })
    expect(await handleBatch(batch(one), context)).toEqual({ skipped: 1 })
    expect(one.decision).toEqual({ ack: 1, retry: [] })
    expect(logs).toMatchObject([{ event: 'media_unknown', mediaId: 'gone' }])
  })
})

describe('delivering a message again', () => {
  it('changes nothing about an item that is ready', async () => {
    const { context, media, item, row, folder } = await processOne({
      bytes: await sample.png(8, 8),
    })
    const manifest = await env.MEDIA.head(`${folder}/manifest.json`)
    const again = message({ type: 'transcode', mediaId: item.id }, 2)
    expect(await handleBatch(batch(again), context)).toEqual({ skipped: 1 })
    expect(again.decision.ack).toBe(1)
    expect(await media.get(item.id)).toEqual(row)
    expect((await env.MEDIA.head(`${folder}/manifest.json`))?.version).toBe(manifest?.version)
  })

  it('writes the same manifest when the first delivery got no further than that', async () => {
    const { context, media, outages, clock } = createConsumerFixture()
    const item = await addItem({ bytes: await sample.png(800, 8) })
    const key = item.objectKey.replace('original', 'manifest.json')
    outages.d1 = (query) => query.startsWith('update') && query.includes('"manifest_key" = ?')
    const first = message({ type: 'transcode', mediaId: item.id })
    expect(await handleBatch(batch(first), context)).toEqual({ retried: 1 })
    const manifest = await readText(key)
    expect(manifest).not.toBeNull()
    expect(await media.get(item.id)).toMatchObject({ status: 'processing' })

    delete outages.d1
    clock.nowMs += 600_000
    const second = message({ type: 'transcode', mediaId: item.id }, 2)
    expect(await handleBatch(batch(second), context)).toEqual({ ready: 1 })
    expect(await readText(key)).toBe(manifest)
  })

  it('comes to the same end when the same message is delivered twice at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { context, media } = createConsumerFixture()
      const item = await addItem({ bytes: await sample.png(800, 8), declaredType: 'image/png' })
      const twice = [1, 2].map(() => message({ type: 'transcode', mediaId: item.id }))
      const results = await Promise.all(twice.map((one) => handleBatch(batch(one), context)))
      expect(results).toContainEqual({ ready: 1 })
      expect(twice.map(({ decision }) => decision)).toEqual([
        { ack: 1, retry: [] },
        { ack: 1, retry: [] },
      ])
      const row = await media.get(item.id)
      expect(row).toMatchObject({ status: 'ready', widthPx: 800 })
      const manifest = buildManifest(item, {
        sha256: row?.sha256 ?? '',
        type: 'image/png',
        dimensions: { widthPx: 800, heightPx: 8 },
      })
      expect(await readText(row?.manifestKey ?? '')).toBe(JSON.stringify(manifest))
    }
  })
})
