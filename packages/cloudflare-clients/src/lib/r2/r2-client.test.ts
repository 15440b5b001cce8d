import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import type { Timers } from '../shared/timers.ts'
import { createBindingStore } from './binding-store.ts'
import type { ObjectStore } from './object-store.ts'
import { R2Client, type R2ClientOptions } from './r2-client.ts'
import { createR2Error, type R2ErrorCode } from './r2-error.ts'

const mebibyte = 1024 * 1024

/** Timers that ring at once, and write down for how long they were set. Those of the deadline do not ring. */
function ringingTimers(timeoutMs: number): { timers: Timers; pausesMs: number[] } {
  const pausesMs: number[] = []
  const timers: Timers = {
    setTimeout(callback, delayMs) {
      if (delayMs === timeoutMs) return 0
      pausesMs.push(delayMs)
      queueMicrotask(callback)
      return 0
    },
    clearTimeout: () => undefined,
  }
  return { timers, pausesMs }
}

interface FaultyStore {
  readonly client: R2Client
  readonly calls: string[]
  readonly pausesMs: number[]
}

type Method = keyof ObjectStore

/** The local bucket, of which each call first goes through `fault`. */
function createFaulty(
  fault: (method: Method, nth: number) => void | Promise<void>,
  options: R2ClientOptions = {},
  { after = false } = {},
): FaultyStore {
  const store = createBindingStore(env.BUCKET)
  const calls: string[] = []
  const faulty = new Proxy(store, {
    get(target, method: Method) {
      const call = target[method] as ((...args: unknown[]) => Promise<unknown>) | undefined
      if (call === undefined) return undefined
      return async (...args: unknown[]) => {
        calls.push(method)
        const nth = calls.filter((name) => name === method).length
        if (!after) await fault(method, nth)
        const answer = await call(...args)
        if (after) await fault(method, nth)
        return answer
      }
    },
  })
  const { timers, pausesMs } = ringingTimers(60_000)
  const client = new R2Client({ store: faulty }, { timers, random: () => 1, ...options })
  return { client, calls, pausesMs }
}

function fail(code: R2ErrorCode, retryAfterMs?: number): never {
  throw createR2Error('test', code, { retryAfterMs })
}

async function* zeros(parts: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < parts * 5; i++) yield await Promise.resolve(new Uint8Array(mebibyte))
}

describe('another attempt', () => {
  test('is made of what may pass, after growing pauses', async () => {
    const { client, calls, pausesMs } = createFaulty((_method, nth) => {
      if (nth < 4) fail('unavailable')
    })
    expect(await client.head('nothing')).toBeNull()
    expect(calls).toEqual(['head', 'head', 'head', 'head'])
    expect(pausesMs).toEqual([200, 400, 800])
  })

  test('is not made more often than wanted', async () => {
    const { client, calls } = createFaulty(() => fail('unavailable'), { maxAttempts: 2 })
    await expect(client.head('key')).rejects.toMatchObject({ code: 'unavailable', retryable: true })
    expect(calls).toHaveLength(2)
  })

  test.each<R2ErrorCode>(['forbidden', 'checksum_mismatch', 'too_large', 'no_such_bucket'])(
    'is not made of what stays as it is: %s',
    async (code) => {
      const { client, calls } = createFaulty(() => fail(code))
      await expect(client.put('key', '')).rejects.toMatchObject({ code, retryable: false })
      expect(calls).toHaveLength(1)
    },
  )

  test('waits for as long as the store asks, and not for more than half a minute', async () => {
    const asks = createFaulty((_method, nth) => {
      if (nth === 1) fail('rate_limited', 30_000)
    })
    await asks.client.head('key')
    expect(asks.pausesMs).toEqual([30_000])
    const asksTooMuch = createFaulty(() => fail('rate_limited', 30_001))
    await expect(asksTooMuch.client.head('key')).rejects.toMatchObject({ retryAfterMs: 30_001 })
    expect(asksTooMuch.calls).toHaveLength(1)
  })

  test('of a write with a condition is made only where nothing was written', async () => {
    const onlyIf = { etagDoesNotMatch: '*' }
    const unknown = createFaulty(() => fail('unavailable'))
    await expect(unknown.client.put('key', '', { onlyIf })).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(unknown.calls).toHaveLength(1)
    const refused = createFaulty((_method, nth) => {
      if (nth === 1) fail('rate_limited')
    })
    const key = crypto.randomUUID()
    expect(await refused.client.put(key, '', { onlyIf })).not.toBeNull()
  })

  test('is made of what took too long', async () => {
    const hung = new Promise<void>(() => undefined)
    let rings = 0
    const timers: Timers = {
      setTimeout(callback) {
        rings++
        queueMicrotask(callback)
        return 0
      },
      clearTimeout: () => undefined,
    }
    const { client, calls } = createFaulty(() => hung, { timers, timeoutMs: 5, maxAttempts: 3 })
    await expect(client.head('key')).rejects.toMatchObject({ code: 'timed_out' })
    expect(calls).toHaveLength(3)
    expect(rings).toBe(5)
  })

  test('is not made for a caller who has gone', async () => {
    const gone = new AbortController()
    const { client, calls } = createFaulty(() => {
      gone.abort(new Error('gone'))
      fail('unavailable')
    })
    await expect(client.head('key', { signal: gone.signal })).rejects.toThrow('gone')
    expect(calls).toHaveLength(1)
  })
})

describe('an upload', () => {
  const partBytes = 5 * mebibyte

  test('sends a part again that failed, and only that', async () => {
    const key = crypto.randomUUID()
    const { client, calls } = createFaulty((method, nth) => {
      if (method === 'uploadPart' && (nth === 2 || nth === 3)) fail('unavailable')
    })
    const object = await client.upload(key, zeros(3), { partBytes, concurrency: 1 })
    expect(object.sizeBytes).toBe(15 * mebibyte)
    expect(calls.filter((name) => name === 'uploadPart')).toHaveLength(5)
  })

  test('that cannot go on takes its parts away, and says why', async () => {
    const key = crypto.randomUUID()
    const { client, calls } = createFaulty((method, nth) => {
      if (method === 'uploadPart' && nth >= 2) fail('forbidden')
    })
    await expect(client.upload(key, zeros(8), { partBytes })).rejects.toMatchObject({
      code: 'forbidden',
    })
    expect(calls.at(-1)).toBe('abortUpload')
    // Four were under way, and no other began.
    expect(calls.filter((name) => name === 'uploadPart').length).toBeLessThanOrEqual(4)
  })

  test('stops reading its source when it cannot go on', async () => {
    let isCancelled = false
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(mebibyte))
      },
      cancel() {
        isCancelled = true
      },
    })
    const { client } = createFaulty((method) => {
      if (method === 'uploadPart') fail('forbidden')
    })
    await expect(client.upload(crypto.randomUUID(), source, { partBytes })).rejects.toMatchObject({
      code: 'forbidden',
    })
    expect(isCancelled).toBe(true)
  })

  test('keeps its parts where they can be resumed', async () => {
    const { client, calls } = createFaulty((method, nth) => {
      if (method === 'uploadPart' && nth >= 2) fail('forbidden')
    })
    await expect(
      client.upload(crypto.randomUUID(), zeros(3), {
        partBytes,
        concurrency: 1,
        onCheckpoint: () => undefined,
      }),
    ).rejects.toMatchObject({ code: 'forbidden' })
    expect(calls).not.toContain('abortUpload')
  })

  test('is complete where only the answer to its completion was lost', async () => {
    const key = crypto.randomUUID()
    const { client, calls } = createFaulty(
      (method, nth) => {
        if (method === 'completeUpload' && nth === 1) fail('unavailable')
      },
      {},
      { after: true },
    )
    const object = await client.upload(key, zeros(2), { partBytes })
    expect(object).toMatchObject({ key, sizeBytes: 10 * mebibyte })
    expect(object.etag).toMatch(/-2$/)
    expect(calls.filter((name) => name === 'completeUpload')).toHaveLength(2)
  })

  test('is not complete where its parts are gone', async () => {
    const key = crypto.randomUUID()
    await env.BUCKET.put(key, new Uint8Array(10 * mebibyte))
    const { client } = createFaulty((method, nth) => {
      if (method !== 'completeUpload') return
      if (nth === 1) fail('unavailable')
      fail('no_such_upload')
    })
    await expect(client.upload(key, zeros(2), { partBytes })).rejects.toMatchObject({
      code: 'no_such_upload',
    })
  })

  test('fills no buffer again that an attempt which was given up may still read', async () => {
    async function* numbered(): AsyncGenerator<Uint8Array> {
      for (let i = 1; i <= 4; i++) yield await Promise.resolve(new Uint8Array(partBytes).fill(i))
    }
    const store = createBindingStore(env.BUCKET)
    let givenUp: Uint8Array | undefined
    const uploadPart: ObjectStore['uploadPart'] = async (target, bytes, options) => {
      if (givenUp) return store.uploadPart(target, bytes, options)
      givenUp = bytes
      return fail('unavailable')
    }
    const { timers } = ringingTimers(60_000)
    const client = new R2Client({ store: { ...store, uploadPart } }, { timers })
    await client.upload(crypto.randomUUID(), numbered(), { partBytes, concurrency: 1 })
    expect([givenUp?.at(0), givenUp?.at(-1)]).toEqual([1, 1])
  })

  test('of which not all is stored is no success', async () => {
    const store = createBindingStore(env.BUCKET)
    const head: ObjectStore['head'] = async (key, options) => {
      const object = await store.head(key, options)
      return object && { ...object, sizeBytes: object.sizeBytes - 1 }
    }
    const client = new R2Client({ store: { ...store, head } })
    await expect(client.upload(crypto.randomUUID(), zeros(2), { partBytes })).rejects.toMatchObject(
      { code: 'corrupt_upload' },
    )
  })

  test('holds no more parts than it sends at once', async () => {
    let underWay = 0
    let most = 0
    const store = createBindingStore(env.BUCKET)
    const client = new R2Client({
      store: {
        ...store,
        async uploadPart(...args) {
          most = Math.max(most, ++underWay)
          const part = await store.uploadPart(...args)
          underWay--
          return part
        },
      },
    })
    await client.upload(crypto.randomUUID(), zeros(7), { partBytes, concurrency: 3 })
    expect(most).toBe(3)
  })

  test('tells of its checkpoints one at a time', async () => {
    let isBusy = false
    let told = 0
    await createFaulty(() => undefined).client.upload(crypto.randomUUID(), zeros(6), {
      partBytes,
      async onCheckpoint({ parts }) {
        expect(isBusy).toBe(false)
        isBusy = true
        await Promise.resolve()
        isBusy = false
        expect(parts.length).toBeGreaterThan(told)
        told = parts.length
      },
    })
    expect(told).toBe(6)
  })
})

test('says which keys could not be deleted', async () => {
  const store: ObjectStore = {
    ...createBindingStore(env.BUCKET),
    delete: (keys) =>
      Promise.reject(createR2Error('delete objects', 'partly_deleted', { keys: [keys[0] ?? ''] })),
  }
  const client = new R2Client({ store })
  const keys = Array.from({ length: 1001 }, (_, i) => String(i))
  await expect(client.delete(keys)).rejects.toMatchObject({
    code: 'partly_deleted',
    keys: ['0', '1000'],
  })
})

test.each([undefined, null, {}, 'bucket'])('is not created without a bucket: %j', (bucket) => {
  expect(() => new R2Client(bucket as R2Bucket)).toThrow(
    'Cannot create R2Client: bucket must be an R2 binding or an S3 bucket',
  )
})

test('signs nothing with a binding alone', async () => {
  await expect(new R2Client(env.BUCKET).presign('key')).rejects.toThrow(
    'Cannot presign: a binding has no credentials to sign with',
  )
})
