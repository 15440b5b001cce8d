import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import ownSource from './r2-guide.test.ts?raw'
import { readR2Guide } from './support/provided.ts'

// The examples of docs/r2.md, each as it stands there.

import {
  R2Client,
  type R2Error,
  s3Bucket,
  type UploadCheckpoint,
} from '@codex/cloudflare-clients/r2'

test('an object is put, read and deleted', async () => {
  const media = new R2Client(env.BUCKET)

  await media.put('notes/1.txt', 'Hello', {
    httpMetadata: { contentType: 'text/plain' },
    metadata: { owner: 'user-1' },
  })
  const object = await media.get('notes/1.txt')
  expect(object?.httpMetadata.contentType).toBe('text/plain')
  expect(await object?.text()).toBe('Hello')

  const end = await media.get('notes/1.txt', { range: { suffix: 2 } })
  expect(await end?.text()).toBe('lo')

  await media.delete(['notes/1.txt', 'notes/2.txt'])
  expect(await media.head('notes/1.txt')).toBeNull()
})

test('two editors do not overwrite each other', async () => {
  const media = new R2Client(env.BUCKET)
  const seen = await media.put('plan.txt', 'first')

  const ada = await media.put('plan.txt', 'by Ada', { onlyIf: { etagMatches: seen.etag } })
  const bob = await media.put('plan.txt', 'by Bob', { onlyIf: { etagMatches: seen.etag } })
  expect(ada).not.toBeNull()
  expect(bob).toBeNull() // nothing was written: somebody else was first

  const created = await media.put('plan.txt', 'new', { onlyIf: { etagDoesNotMatch: '*' } })
  expect(created).toBeNull() // there is one already
})

test('what has not changed is not sent again', async () => {
  const media = new R2Client(env.BUCKET)
  const { etag } = await media.put('logo.svg', '<svg/>')

  const answer = await media.get('logo.svg', { onlyIf: { etagDoesNotMatch: etag } })
  expect(answer).toEqual({ body: null }) // answer 304
})

test('a list goes over all pages', async () => {
  const media = new R2Client(env.BUCKET)
  for (const name of ['a/1', 'a/2', 'b/1']) await media.put(`list/${name}`, 'x')

  const keys: string[] = []
  for await (const { key } of media.list({ prefix: 'list/' })) keys.push(key)
  expect(keys).toEqual(['list/a/1', 'list/a/2', 'list/b/1'])
})

test('a video is uploaded from a stream', async () => {
  const media = new R2Client(env.BUCKET)
  const request = new Request('https://example.com', { method: 'PUT', body: 'a long film' })
  if (request.body === null) throw new Error('There is nothing to store')

  const object = await media.upload('film.mp4', request.body, {
    httpMetadata: { contentType: 'video/mp4' },
    onProgress: ({ uploadedBytes }) => {
      console.log(`${uploadedBytes} bytes are there`)
    },
  })
  expect(object.sizeBytes).toBe(11)
})

test('an upload goes on where it was broken off', async () => {
  const media = new R2Client(env.BUCKET)
  const readBackup = (): Blob => new Blob([new Uint8Array(12 * 1024 * 1024)])
  let kept: string | undefined // in a file, in KV: where it survives

  const uploadBackup = (signal?: AbortSignal): Promise<unknown> =>
    media.upload('backup.tar', readBackup(), {
      partBytes: 5 * 1024 * 1024,
      concurrency: 1,
      ...(kept !== undefined && { resumeFrom: JSON.parse(kept) as UploadCheckpoint }),
      onCheckpoint: (checkpoint) => {
        kept = JSON.stringify(checkpoint)
        if (signal) stop.abort()
      },
      ...(signal && { signal }),
    })
  const stop = new AbortController()
  await expect(uploadBackup(stop.signal)).rejects.toThrow()
  await uploadBackup()
  expect((await media.head('backup.tar'))?.sizeBytes).toBe(12 * 1024 * 1024)
})

test('a browser uploads by itself', async () => {
  const presigner = s3Bucket({
    endpoint: 'https://0123456789abcdef.r2.cloudflarestorage.com',
    bucket: 'media',
    accessKeyId: 'an access key id',
    secretAccessKey: 'its secret',
  })
  const media = new R2Client(env.BUCKET, { presigner })

  const address = await media.presign('avatars/user-1.png', {
    method: 'PUT',
    contentType: 'image/png',
    contentLength: 20_000,
    expiresInSeconds: 300,
  })
  expect(new URL(address).searchParams.get('X-Amz-SignedHeaders')).toContain('content-length')
})

test('an error says what happened, by its code', async () => {
  const media = new R2Client(env.BUCKET)
  await media.put('small.txt', 'x')

  const { code, retryable } = await media
    .get('small.txt', { range: { offset: 100 } })
    .then(() => ({ code: 'none', retryable: false }))
    .catch((error: unknown) => error as R2Error)
  expect([code, retryable]).toEqual(['invalid_range', false])
})

test('the guide has these examples and no others', () => {
  const fences = [...readR2Guide().matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) =>
    code.trim(),
  )
  expect(fences.length).toBeGreaterThan(6)
  for (const code of fences) expect(ownSource).toContain(code)
})
