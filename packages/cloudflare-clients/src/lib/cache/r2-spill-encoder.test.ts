import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test } from 'vitest'
import { gzipEncoder } from './gzip-encoder.ts'
import { spillToR2 } from './r2-spill-encoder.ts'

afterEach(async () => {
  await reset()
})

async function spill(text: string): Promise<string> {
  const pointer = await spillToR2(env.BUCKET, { overBytes: 0 }).encode(text, 'k')
  if (pointer === null) throw new Error('it was not spilled')
  return pointer
}

async function objectNames(): Promise<string[]> {
  return (await env.BUCKET.list()).objects.map(({ key }) => key)
}

/** The real bucket, with some methods replaced. */
function withBucket(methods: Partial<R2Bucket>): Pick<R2Bucket, 'get' | 'put' | 'head'> {
  return {
    get: env.BUCKET.get.bind(env.BUCKET),
    put: env.BUCKET.put.bind(env.BUCKET),
    head: env.BUCKET.head.bind(env.BUCKET),
    ...methods,
  }
}

const tooManyWrites = (): Promise<never> => {
  return Promise.reject(new Error('put: Reduce your concurrent request rate (10058)'))
}

test('puts a value over KV’s 25 MiB into R2 and a pointer of less than 100 bytes into KV', async () => {
  const encoder = spillToR2(env.BUCKET)
  const text = 'é'.repeat(13_107_200)
  expect(await encoder.encode(text, 'k')).toBeNull()
  const pointer = await encoder.encode(`${text}.`, 'k')
  expect(pointer?.length).toBeLessThan(100)
  await env.KV.put('k', pointer ?? '')
  expect((await encoder.decode((await env.KV.get('k')) ?? '', 'k')) === `${text}.`).toBe(true)
})

test('leaves a value at the limit in KV and counts bytes, not characters', async () => {
  const encoder = spillToR2(env.BUCKET, { overBytes: 6 })
  expect(await encoder.encode('ééé', 'k')).toBeNull()
  expect(await encoder.encode('abcdef', 'k')).toBeNull()
  expect(await objectNames()).toEqual([])
  expect(await encoder.encode('abcdefg', 'k')).not.toBeNull()
  expect(await encoder.encode('éééa', 'k')).not.toBeNull()
  expect(await objectNames()).toHaveLength(2)
})

test('gives a reader that holds an older pointer the older text', async () => {
  const older = await spill('older')
  const newer = await spill('newer')
  const encoder = spillToR2(env.BUCKET)
  expect(await encoder.decode(older, 'k')).toBe('older')
  expect(await encoder.decode(newer, 'k')).toBe('newer')
})

test('keeps one object for the same text, whoever wrote it', async () => {
  expect(await spill('same')).toBe(await spill('same'))
  expect(await objectNames()).toHaveLength(1)
})

test('names objects under its prefix', async () => {
  await spillToR2(env.BUCKET, { overBytes: 0, prefix: 'large/' }).encode('a', 'k')
  expect(await objectNames()).toEqual([
    'large/ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
  ])
})

test('works behind gzip', async () => {
  const encoders = [gzipEncoder(), spillToR2(env.BUCKET, { overBytes: 10 })] as const
  const packed = (await encoders[0].encode('a'.repeat(5000), 'k')) ?? ''
  const pointer = (await encoders[1].encode(packed, 'k')) ?? ''
  const decoded = await encoders[0].decode(await encoders[1].decode(pointer, 'k'), 'k')
  expect(decoded).toBe('a'.repeat(5000))
})

describe('when R2 refuses the write', () => {
  test('goes on where the same text is there already, as when two isolates write it at once', async () => {
    const pointer = await spill('same')
    const bucket = withBucket({ put: tooManyWrites })
    expect(await spillToR2(bucket, { overBytes: 0 }).encode('same', 'k')).toBe(pointer)
  })

  test('rejects with R2’s own error where it is not', async () => {
    const encoder = spillToR2(withBucket({ put: tooManyWrites }), { overBytes: 0 })
    await expect(encoder.encode('new', 'k')).rejects.toThrow('10058')
    const down = withBucket({ put: tooManyWrites, head: () => Promise.reject(new Error('down')) })
    await expect(spillToR2(down, { overBytes: 0 }).encode('new', 'k')).rejects.toThrow('10058')
  })
})

describe('a pointer that leads nowhere', () => {
  test('rejects when its object is gone', async () => {
    const pointer = await spill('text')
    await env.BUCKET.delete(await objectNames())
    await expect(spillToR2(env.BUCKET).decode(pointer, 'k')).rejects.toMatchObject({
      code: 'not_found',
      operation: 'read',
      message: 'Cannot read from R2: the object of a spilled value is gone',
    })
  })

  test('rejects when something else has taken the object’s name', async () => {
    const pointer = await spill('text')
    const [name = ''] = await objectNames()
    await env.BUCKET.put(name, 'another text')
    await expect(spillToR2(env.BUCKET).decode(pointer, 'k')).rejects.toMatchObject({
      code: 'corrupt_value',
    })
    const sha256 = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('other'))
    await env.BUCKET.put(name, 'other', { sha256 })
    await expect(spillToR2(env.BUCKET).decode(pointer, 'k')).rejects.toMatchObject({
      code: 'corrupt_value',
    })
  })

  test.for(['', '{"r2":"abc"}', '{"r2":"../secret"}', 'null', '{"r2":""}'])(
    'rejects %j, which names no object of ours',
    async (text) => {
      const encoder = spillToR2(env.BUCKET)
      await expect(encoder.decode(text, 'k')).rejects.toMatchObject({ code: 'corrupt_value' })
    },
  )

  test('passes on that R2 failed', async () => {
    const pointer = await spill('text')
    const down = withBucket({ get: () => Promise.reject(new Error('R2 is down')) })
    await expect(spillToR2(down).decode(pointer, 'k')).rejects.toThrow('R2 is down')
  })
})

test.for([-1, NaN, 26_214_401])('refuses a limit of %d bytes', (overBytes) => {
  expect(() => spillToR2(env.BUCKET, { overBytes })).toThrow(
    new RangeError(
      `Cannot spill to R2: overBytes must be from 0 to 26214400, received ${overBytes}`,
    ),
  )
})

test('refuses a missing binding and an empty prefix', () => {
  // @ts-expect-error A binding that is not in the configuration.
  expect(() => spillToR2(undefined)).toThrow(TypeError)
  expect(() => spillToR2(env.BUCKET, { prefix: '' })).toThrow(
    new TypeError('Cannot spill to R2: prefix must not be empty'),
  )
})
