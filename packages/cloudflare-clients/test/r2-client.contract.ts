import { describe, expect, test } from 'vitest'
import type { R2Client, R2ClientOptions, R2Error } from '../src/r2.ts'

export interface ClientUnderTest {
  /** A client of a bucket that others use too: every test takes keys of its own. */
  createClient(options?: R2ClientOptions): R2Client
  /** A binding keeps more than the S3 API tells. */
  readonly isBinding: boolean
}

let made = 0
/** A key that nobody else uses. */
function newKey(name = 'key'): string {
  made++
  return `${name}-${made}-${crypto.randomUUID()}`
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    return (error as R2Error).code
  }
  return 'none'
}

const mebibyte = 1024 * 1024

/** Bytes of a known pattern, in chunks of sizes that divide nothing. */
async function* oddChunks(
  sizeBytes: number,
  { chunkBytes = 700_001, at = 0 } = {},
): AsyncGenerator<Uint8Array> {
  for (let sent = at; sent < sizeBytes;) {
    const chunk = new Uint8Array(Math.min(chunkBytes, sizeBytes - sent))
    for (let i = (997 - (sent % 997)) % 997; i < chunk.length; i += 997) chunk[i] = (sent + i) % 251
    sent += chunk.length
    yield await Promise.resolve(chunk)
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Blob(await collect(chunks)).arrayBuffer())
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function describeR2Client({ createClient, isBinding }: ClientUnderTest): void {
  describe('an object', () => {
    test.each<[string, string | ArrayBuffer | Uint8Array | Blob]>([
      ['text', 'Grüße'],
      ['no text', ''],
      ['an ArrayBuffer', new TextEncoder().encode('Grüße').buffer as ArrayBuffer],
      ['a part of a buffer', new TextEncoder().encode('>>Grüße<<').subarray(2, 9)],
      ['a Blob', new Blob(['Grü', 'ße'])],
    ])('is read as it was put: %s', async (_name, body) => {
      const client = createClient()
      const key = newKey()
      const put = await client.put(key, body)
      const object = await client.get(key)
      const text = body === '' ? '' : 'Grüße'
      expect(await object?.text()).toBe(text)
      expect(object).toMatchObject({ key, sizeBytes: text === '' ? 0 : 7, etag: put.etag })
      expect(put.etag).toMatch(/^[0-9a-f]{32}$/)
    })

    test('keeps what is sent beside it', async () => {
      const client = createClient()
      const key = newKey()
      const beside = {
        httpMetadata: {
          contentType: 'text/plain; charset=utf-8',
          contentLanguage: 'de',
          contentDisposition: 'attachment; filename="a b.txt"',
          cacheControl: 'max-age=60',
          expiresAtMs: Date.UTC(2030, 0, 2, 3, 4, 5),
        },
        metadata: { owner: 'u-1', 'a-b': 'with spaces' },
      }
      await client.put(key, 'x', beside)
      expect(await client.head(key)).toMatchObject(beside)
      const object = await client.get(key)
      expect(object).toMatchObject(beside)
      await object?.body.cancel()
    })

    test('says when it was written', async () => {
      const client = createClient()
      const key = newKey()
      await client.put(key, 'x')
      const head = await client.head(key)
      expect(Math.abs((head?.uploadedAtMs ?? 0) - Date.now())).toBeLessThan(60_000)
    })

    test.each(['a/b c', '100%', '?x=1#y', 'ä€😀', "!'()*", '+', 'a//b', '&<>"', ' '])(
      'has any key: %j',
      async (name) => {
        const client = createClient()
        const key = newKey('any') + name
        await client.put(key, name)
        expect(await (await client.get(key))?.text()).toBe(name)
        expect((await collect(client.list({ prefix: key }))).map((object) => object.key)).toEqual([
          key,
        ])
        await client.delete(key)
        expect(await client.head(key)).toBeNull()
      },
    )

    test('is null where there is none', async () => {
      const client = createClient()
      expect(await client.get(newKey())).toBeNull()
      expect(await client.head(newKey())).toBeNull()
      await expect(client.delete(newKey())).resolves.toBeUndefined()
    })

    test('is read in ranges', async () => {
      const client = createClient()
      const key = newKey()
      await client.put(key, '0123456789')
      const read = async (
        range: NonNullable<Parameters<R2Client['get']>[1]>['range'],
      ): Promise<unknown> => {
        const object = await client.get(key, { ...(range && { range }) })
        return [await object?.text(), object?.sizeBytes, object?.range]
      }
      expect(await read({ offset: 2, length: 3 })).toEqual(['234', 10, { offset: 2, length: 3 }])
      expect(await read({ offset: 7 })).toEqual(['789', 10, { offset: 7, length: 3 }])
      expect(await read({ offset: 8, length: 100 })).toEqual(['89', 10, { offset: 8, length: 2 }])
      expect(await read({ suffix: 4 })).toEqual(['6789', 10, { offset: 6, length: 4 }])
      expect(await codeOf(client.get(key, { range: { offset: 10 } }))).toBe('invalid_range')
    })

    test.each([
      ['offset', { offset: -1 }],
      ['length', { offset: 0, length: 0 }],
      ['suffix', { suffix: 0 }],
      ['offset', { offset: 1.5 }],
    ])('is not read in a range that is none: %s', async (name, range) => {
      await expect(createClient().get('key', { range })).rejects.toThrow(
        `Cannot get object: range.${name} must be a whole number`,
      )
    })
  })

  describe('a condition', () => {
    test('of a read tells what changed from what did not', async () => {
      const client = createClient()
      const key = newKey()
      const { etag } = await client.put(key, 'one')
      expect(await client.get(key, { onlyIf: { etagDoesNotMatch: etag } })).toEqual({ body: null })
      expect(await client.get(key, { onlyIf: { etagMatches: 'other' } })).toEqual({ body: null })
      const same = await client.get(key, { onlyIf: { etagMatches: etag } })
      expect(same?.body).not.toBeNull()
      await same?.body?.cancel()
      const older = { onlyIf: { uploadedBeforeMs: Date.now() - 3_600_000 } }
      expect(await client.get(key, older)).toEqual({ body: null })
      expect(await client.get(newKey(), { onlyIf: { etagMatches: etag } })).toBeNull()
    })

    test('of a write keeps it from replacing what it did not see', async () => {
      const client = createClient()
      const key = newKey()
      const onlyNew = { onlyIf: { etagDoesNotMatch: '*' } }
      const first = await client.put(key, 'one', onlyNew)
      expect(first).not.toBeNull()
      expect(await client.put(key, 'two', onlyNew)).toBeNull()
      expect(await client.put(key, 'two', { onlyIf: { etagMatches: 'other' } })).toBeNull()
      expect(await (await client.get(key))?.text()).toBe('one')
      const etagMatches = first?.etag ?? ''
      expect(await client.put(key, 'two', { onlyIf: { etagMatches } })).not.toBeNull()
      expect(await (await client.get(key))?.text()).toBe('two')
    })

    test('takes an etag without quotes', async () => {
      await expect(
        createClient().get('key', { onlyIf: { etagMatches: '"quoted"' } }),
      ).rejects.toThrow('Cannot get object: etagMatches must be an etag without quotes')
    })
  })

  describe('a checksum', () => {
    const md5OfHello = '8b1a9953c4611296a827abf8c47804d7'

    test('lets the body pass that it is of', async () => {
      const client = createClient()
      const sha256 = await digest(new TextEncoder().encode('Hello') as Uint8Array<ArrayBuffer>)
      await client.put(newKey(), 'Hello', { checksum: { algorithm: 'sha256', hex: sha256 } })
      await client.put(newKey(), 'Hello', { checksum: { algorithm: 'md5', hex: md5OfHello } })
    })

    test.each([
      ['sha256', '00'.repeat(32)],
      ['md5', '00'.repeat(16)],
    ] as const)('refuses another body: %s', async (algorithm, hex) => {
      const client = createClient()
      const key = newKey()
      expect(await codeOf(client.put(key, 'Hello', { checksum: { algorithm, hex } }))).toBe(
        'checksum_mismatch',
      )
      expect(await client.head(key)).toBeNull()
    })

    test('is hexadecimal', async () => {
      const checksum = { algorithm: 'md5', hex: 'ABC' } as const
      await expect(createClient().put('key', '', { checksum })).rejects.toThrow(
        'Cannot put object: checksum.hex must be lower-case hexadecimal',
      )
    })
  })

  describe('a list', () => {
    test('goes over all pages, in order', async () => {
      const client = createClient()
      const prefix = `${newKey('list')}/`
      const names = Array.from({ length: 7 }, (_, i) => `${prefix}${i}`)
      await Promise.all(names.map((name) => client.put(name, 'x')))
      const listed = await collect(client.list({ prefix, pageSize: 3 }))
      expect(listed.map(({ key }) => key)).toEqual(names)
      expect(listed[0]).toMatchObject({
        sizeBytes: 1,
      })
      const after = await collect(client.list({ prefix, startAfter: `${prefix}4`, pageSize: 1 }))
      expect(after.map(({ key }) => key)).toEqual(names.slice(5))
    })

    test('gathers what shares a prefix', async () => {
      const client = createClient()
      const prefix = `${newKey('list')}/`
      for (const name of ['a/1', 'a/2', 'b/1', 'c']) await client.put(prefix + name, 'x')
      const pages = await collect(client.listPages({ prefix, delimiter: '/' }))
      expect(pages.flatMap(({ prefixes }) => prefixes)).toEqual([`${prefix}a/`, `${prefix}b/`])
      expect(pages.flatMap(({ objects }) => objects).map(({ key }) => key)).toEqual([`${prefix}c`])
    })

    test('of nothing is empty', async () => {
      expect(await collect(createClient().list({ prefix: newKey('none') }))).toEqual([])
    })

    test(`carries metadata ${isBinding ? 'when asked' : 'only from a binding'}`, async () => {
      const client = createClient()
      const key = newKey()
      await client.put(key, 'x', { metadata: { owner: 'u-1' } })
      const listed = collect(client.list({ prefix: key, withMetadata: true }))
      if (isBinding) expect(await listed).toMatchObject([{ metadata: { owner: 'u-1' } }])
      else expect(await codeOf(listed)).toBe('unsupported')
    })
  })

  test('deletes more keys than one call takes', async () => {
    const client = createClient()
    const prefix = newKey('many')
    for (const i of [0, 999, 1000, 1001]) await client.put(`${prefix}${i}`, 'x')
    await client.delete(Array.from({ length: 1002 }, (_, i) => `${prefix}${i}`))
    expect(await collect(client.list({ prefix }))).toEqual([])
  })

  describe('an upload', () => {
    test('of less than a part is put whole', async () => {
      const client = createClient()
      const key = newKey()
      const object = await client.upload(key, new Blob(['small']).stream(), {
        httpMetadata: { contentType: 'text/plain' },
      })
      expect(object).toMatchObject({ sizeBytes: 5, httpMetadata: { contentType: 'text/plain' } })
      expect(object.etag).toMatch(/^[0-9a-f]{32}$/)
      expect(await (await client.get(key))?.text()).toBe('small')
    })

    test.each([
      ['nothing', 0],
      ['one part and a byte', 5 * mebibyte + 1],
      ['two parts exactly', 10 * mebibyte],
    ])('gives what was sent: %s', async (_name, sizeBytes) => {
      const client = createClient()
      const key = newKey()
      const progress: number[] = []
      const object = await client.upload(key, oddChunks(sizeBytes), {
        partBytes: 5 * mebibyte,
        metadata: { owner: 'u-1' },
        onProgress: ({ uploadedBytes }) => progress.push(uploadedBytes),
      })
      expect(object).toMatchObject({ key, sizeBytes, metadata: { owner: 'u-1' } })
      expect(progress.at(-1)).toBe(sizeBytes)
      const stored = await (await client.get(key))?.bytes()
      expect(await digest(stored ?? new Uint8Array(1))).toBe(
        await digest(await readAll(oddChunks(sizeBytes))),
      )
    })

    test('that failed leaves nothing behind', async () => {
      const client = createClient()
      const key = newKey()
      const fault = new Error('the disk is gone')
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield* oddChunks(11 * mebibyte)
        throw fault
      }
      await expect(client.upload(key, broken(), { partBytes: 5 * mebibyte })).rejects.toBe(fault)
      expect(await client.head(key)).toBeNull()
    })

    test('goes on where it was broken off, and sends no part twice', async () => {
      const client = createClient()
      const key = newKey()
      const sizeBytes = 16 * mebibyte
      const options = { partBytes: 5 * mebibyte, concurrency: 1 }
      let checkpoint: Parameters<NonNullable<UploadOptionsOf['onCheckpoint']>>[0] | undefined
      const stop = new AbortController()
      const onCheckpoint = (reached: NonNullable<typeof checkpoint>): void => {
        // As it would be kept: as text.
        checkpoint = JSON.parse(JSON.stringify(reached)) as typeof reached
        if (reached.parts.length === 2) stop.abort(new Error('stopped'))
      }
      await expect(
        client.upload(key, oddChunks(sizeBytes), { ...options, onCheckpoint, signal: stop.signal }),
      ).rejects.toThrow('stopped')
      expect(checkpoint?.parts.map(({ partNumber }) => partNumber)).toEqual([1, 2])

      let sent = 0
      const object = await client.upload(key, oddChunks(sizeBytes, { chunkBytes: 1_234_567 }), {
        ...options,
        ...(checkpoint && { resumeFrom: checkpoint }),
        onCheckpoint: () => {
          sent++
        },
      })
      expect(sent).toBe(2)
      expect(object.sizeBytes).toBe(sizeBytes)
      const stored = await (await client.get(key))?.bytes()
      expect(await digest(stored ?? new Uint8Array(1))).toBe(
        await digest(await readAll(oddChunks(sizeBytes))),
      )
    })

    test('does not go on with another source', async () => {
      const client = createClient()
      const key = newKey()
      const options = { partBytes: 5 * mebibyte, concurrency: 1 }
      let checkpoint: Parameters<NonNullable<UploadOptionsOf['onCheckpoint']>>[0] | undefined
      const fault = new Error('stopped')
      await expect(
        client.upload(key, oddChunks(11 * mebibyte), {
          ...options,
          onCheckpoint: (reached) => {
            checkpoint = reached
            throw fault
          },
        }),
      ).rejects.toBe(fault)
      if (!checkpoint) throw new Error('There is no checkpoint')
      const resumed = client.upload(key, oddChunks(11 * mebibyte, { at: 1 }), {
        ...options,
        resumeFrom: checkpoint,
      })
      expect(await codeOf(resumed)).toBe('source_changed')
      await client.abortUpload(checkpoint)
      await client.abortUpload(checkpoint)
      const gone = client.upload(key, oddChunks(11 * mebibyte), {
        ...options,
        resumeFrom: checkpoint,
      })
      expect(await codeOf(gone)).toBe('no_such_upload')
    })

    test('is of the size that was named', async () => {
      const client = createClient()
      for (const sizeBytes of [4, 6]) {
        expect(await codeOf(client.upload(newKey(), 'small', { sizeBytes }))).toBe('source_changed')
      }
      const key = newKey()
      const large = client.upload(key, oddChunks(6 * mebibyte), {
        partBytes: 5 * mebibyte,
        sizeBytes: 6 * mebibyte + 1,
      })
      expect(await codeOf(large)).toBe('source_changed')
      expect(await client.head(key)).toBeNull()
    })

    test.each([
      ['partBytes', { partBytes: 5 * mebibyte - 1 }],
      ['partBytes', { partBytes: 5 * 1024 * mebibyte + 1 }],
      ['concurrency', { concurrency: 0 }],
    ])('has options in their range: %s', async (name, options) => {
      await expect(createClient().upload('key', 'x', options)).rejects.toThrow(name)
    })

    test('takes bytes alone', async () => {
      const texts = new Blob(['x']).stream().pipeThrough(new TextDecoderStream())
      await expect(
        createClient().upload(newKey(), texts as unknown as ReadableStream<Uint8Array>),
      ).rejects.toThrow('Cannot upload object: its stream must give bytes (Uint8Array)')
    })
  })

  describe('what no store takes', () => {
    test.each([
      ['', 'key must be 1 to 1024 bytes, received 0'],
      ['ä'.repeat(513), 'key must be 1 to 1024 bytes, received 1026'],
      ['\uD800', 'key must be well-formed text'],
    ])('is refused before it is asked: the key %j', async (key, message) => {
      const client = createClient()
      for (const call of [
        client.get(key),
        client.head(key),
        client.put(key, ''),
        client.delete(key),
        client.upload(key, ''),
      ]) {
        await expect(call).rejects.toThrow(message)
      }
    })

    test.each([
      [{ Owner: 'u' }, 'a metadata name must be of lower-case letters'],
      [{ owner: 'ü' }, 'metadata "owner" must be printable ASCII'],
      [{ owner: ' u' }, 'metadata "owner" must be printable ASCII'],
      [{ owner: 'u'.repeat(8193) }, 'metadata must be at most 8192 bytes, received 8198'],
    ])('is refused before it is asked: metadata', async (metadata, message) => {
      await expect(createClient().put('key', '', { metadata })).rejects.toThrow(message)
    })

    test('is refused before it is asked: a stream to put', async () => {
      const stream = new Blob(['x']).stream()
      await expect(createClient().put('key', stream as unknown as string)).rejects.toThrow(
        'Cannot put object: body must be a string, bytes or a Blob; a stream is for upload',
      )
    })
  })
}

type UploadOptionsOf = NonNullable<Parameters<R2Client['upload']>[2]>
