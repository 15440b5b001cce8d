import { mediaItems } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { MediaService } from '../../src/index.ts'
import { addCreator, createMediaFixture, uploadOf } from './media-fixture.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

const text = '0123456789'
const sha256 = 'a'.repeat(64)
const etag = `"${sha256}"`

async function readyItem() {
  const fixture = createMediaFixture()
  const r2Calls: string[] = []
  fixture.outages.r2 = (method) => {
    r2Calls.push(method)
    return false
  }
  const creatorId = await addCreator(fixture.database)
  const result = await fixture.media.upload(
    creatorId,
    uploadOf(text, { filename: 'n\u00FCll.txt' }),
  )
  if (!result.ok) throw new Error(result.reason)
  await fixture.media.markReady(result.media.id, {
    detectedType: 'text/plain',
    sha256,
    widthPx: null,
    heightPx: null,
    manifestKey: 'm',
  })
  r2Calls.length = 0
  return { ...fixture, media: fixture.media, item: result.media, r2Calls }
}

async function open(media: MediaService, id: string, headers: Record<string, string> = {}) {
  const result = await media.open(id, new Headers(headers))
  if (!result.ok) throw new Error(result.reason)
  const { status, body } = result
  return {
    status,
    headers: result.headers,
    text: body === null ? null : await new Response(body).text(),
  }
}

describe('open', () => {
  it('serves the whole file with the type that was found in it', async () => {
    const { media, item } = await readyItem()
    const answer = await open(media, item.id)
    expect(answer).toMatchObject({ status: 200, text })
    expect(Object.fromEntries(answer.headers)).toEqual({
      'accept-ranges': 'bytes',
      'content-disposition': `attachment; filename="n_ll.txt"; filename*=UTF-8''n%C3%BCll.txt`,
      'content-length': '10',
      'content-type': 'text/plain; charset=utf-8',
      etag,
      'x-content-type-options': 'nosniff',
    })
  })

  it.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=9-99', '9', 'bytes 9-9/10'],
  ])('serves the range %s', async (range, expected, contentRange) => {
    const { media, item } = await readyItem()
    const answer = await open(media, item.id, { range })
    expect(answer).toMatchObject({ status: 206, text: expected })
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(answer.headers.get('content-length')).toBe(String(expected.length))
  })

  it('refuses a range outside the file without asking R2', async () => {
    const { media, item, r2Calls } = await readyItem()
    const answer = await open(media, item.id, { range: 'bytes=10-' })
    expect(answer).toMatchObject({ status: 416, text: null })
    expect(answer.headers.get('content-range')).toBe('bytes */10')
    expect(r2Calls).toEqual([])
  })

  it.each([etag, `W/${etag}`, `"other", ${etag}`, '*'])(
    'answers 304 to If-None-Match: %s without asking R2',
    async (ifNoneMatch) => {
      const { media, item, r2Calls } = await readyItem()
      const answer = await open(media, item.id, { 'if-none-match': ifNoneMatch })
      expect(answer).toMatchObject({ status: 304, text: null })
      expect(answer.headers.get('etag')).toBe(etag)
      expect(r2Calls).toEqual([])
    },
  )

  it.each(['"other"', 'garbage', ''])('serves the file for If-None-Match: %j', async (value) => {
    const { media, item } = await readyItem()
    expect(await open(media, item.id, { 'if-none-match': value })).toMatchObject({ status: 200 })
  })

  it('serves a range only while If-Range names the same bytes', async () => {
    const { media, item } = await readyItem()
    const range = 'bytes=0-3'
    expect(await open(media, item.id, { range, 'if-range': etag })).toMatchObject({ status: 206 })
    expect(await open(media, item.id, { range, 'if-range': '"other"' })).toMatchObject({
      status: 200,
      text,
    })
  })

  it.each(['uploaded', 'processing', 'failed'] as const)(
    'does not serve an item that is %s',
    async (status) => {
      const { media, item, database } = await readyItem()
      await database.update(mediaItems).set({ status }).where(eq(mediaItems.id, item.id))
      expect(await media.open(item.id)).toEqual({ ok: false, reason: 'not_ready' })
    },
  )

  it('does not find an unknown item, nor one whose object is gone', async () => {
    const { media, item } = await readyItem()
    expect(await media.open('unknown')).toEqual({ ok: false, reason: 'not_found' })
    await env.MEDIA.delete(item.objectKey)
    expect(await media.open(item.id)).toEqual({ ok: false, reason: 'not_found' })
    const headers = new Headers({ range: 'bytes=0-1' })
    expect(await media.open(item.id, headers)).toEqual({ ok: false, reason: 'not_found' })
  })
})
