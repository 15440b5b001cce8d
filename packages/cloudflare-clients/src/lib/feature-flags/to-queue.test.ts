import { expect, test } from 'vitest'
import type { QueueProducer } from '../shared/queue-batches.ts'
import type { ReportedExposure } from './reported-exposure.ts'
import { type ExposureMessage, toQueue } from './to-queue.ts'

interface Sent {
  readonly queue: QueueProducer
  readonly batches: ExposureMessage[][]
}

function createQueue(): Sent {
  const batches: ExposureMessage[][] = []
  const sendBatch = (messages: Iterable<{ body: unknown; contentType: 'json' }>): Promise<void> => {
    const batch = [...messages].map(({ body }) => body as ExposureMessage)
    const bytes = batch.map((body) => JSON.stringify(body).length + 100)
    // What Queues takes.
    expect(batch.length).toBeLessThanOrEqual(100)
    expect(Math.max(...bytes)).toBeLessThanOrEqual(128_000)
    expect(bytes.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(256_000)
    batches.push(batch)
    return Promise.resolve()
  }
  return { queue: { sendBatch }, batches }
}

function exposureOf(user: string): ReportedExposure {
  return {
    flag: 'a',
    variant: 'on',
    user,
    reason: 'SPLIT',
    decision: 'split',
    flagVersion: 1,
    rulesetVersion: 1,
    atMs: 0,
    sampleRate: 1,
  }
}

test('sends the exposures of a tick as one message', async () => {
  const { queue, batches } = createQueue()
  await toQueue(queue)([exposureOf('u1'), exposureOf('u2')])
  expect(batches).toEqual([[{ exposures: [exposureOf('u1'), exposureOf('u2')] }]])
})

test('fills messages up to what is billed as one operation, and calls up to 256 KB', async () => {
  const { queue, batches } = createQueue()
  const exposures = Array.from({ length: 2_200 }, (_, i) => exposureOf(`${i}`.padStart(100, '0')))
  await toQueue(queue)(exposures)
  const messages = batches.flat()
  const bytes = messages.map((message) => JSON.stringify(message).length)
  expect(Math.max(...bytes)).toBeLessThanOrEqual(64_000)
  expect(Math.max(...bytes)).toBeGreaterThan(63_500)
  expect(messages.flatMap((message) => message.exposures)).toEqual(exposures)
  expect(batches.map((batch) => batch.length)).toEqual([4, 4, 1])
})

test('sends a large one alone, and says how many were too large for any message', async () => {
  const { queue, batches } = createQueue()
  const large = exposureOf('x'.repeat(120_000))
  const tooLarge = exposureOf('x'.repeat(130_000))
  const sent = toQueue(queue)([exposureOf('u1'), large, tooLarge, exposureOf('u2')])
  await expect(sent).rejects.toMatchObject({
    code: 'message_too_large',
    retryable: false,
    message: 'Cannot write 1 of 4 exposures: each is larger than a message of a queue',
  })
  expect(batches.flat().map(({ exposures }) => exposures.length)).toEqual([1, 1, 1])
})

test('passes on what the queue rejects with', async () => {
  const queue = { sendBatch: () => Promise.reject(new Error('Queue is overloaded')) }
  await expect(toQueue(queue)([exposureOf('u1')])).rejects.toThrow('overloaded')
})

test('refuses a missing binding', () => {
  // @ts-expect-error A binding that is not in the configuration.
  expect(() => toQueue(undefined)).toThrow(TypeError)
})
