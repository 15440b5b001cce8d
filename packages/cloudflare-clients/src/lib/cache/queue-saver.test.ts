import { expect, test } from 'vitest'
import type { QueueProducer } from '../shared/queue-batches.ts'
import { saveToQueue } from './queue-saver.ts'
import { createWriteBehind } from './write-behind.ts'

interface Sent {
  readonly queue: QueueProducer
  readonly batches: unknown[][]
}

function createQueue(): Sent {
  const batches: unknown[][] = []
  const sendBatch = (messages: Iterable<{ body: unknown; contentType: 'json' }>): Promise<void> => {
    const batch = [...messages]
    const bytes = batch.map(({ body }) => JSON.stringify(body).length + 100)
    // What Queues takes.
    expect(batch.length).toBeLessThanOrEqual(100)
    expect(Math.max(...bytes)).toBeLessThanOrEqual(128_000)
    expect(bytes.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(256_000)
    batches.push(batch)
    return Promise.resolve()
  }
  return { queue: { sendBatch }, batches }
}

function entriesOf(values: readonly string[]): { id: number; value: string }[] {
  return values.map((value, id) => ({ id, value }))
}

test('sends a message for each entry, as JSON', async () => {
  const { queue, batches } = createQueue()
  const save = saveToQueue(queue, ({ id, value }) => ({ user: id, seconds: value }))
  await save([
    { id: 'u1', value: 1 },
    { id: 'u2', value: 2 },
  ])
  expect(batches).toEqual([
    [
      { body: { user: 'u1', seconds: 1 }, contentType: 'json' },
      { body: { user: 'u2', seconds: 2 }, contentType: 'json' },
    ],
  ])
  await save([])
  expect(batches).toHaveLength(1)
})

test('sends at most 100 messages at once', async () => {
  const { queue, batches } = createQueue()
  await saveToQueue(queue, ({ id }) => id)(entriesOf(Array.from({ length: 201 }, () => '')))
  expect(batches.map((batch) => batch.length)).toEqual([100, 100, 1])
})

test('sends at most 256 KB at once, with what a message carries besides', async () => {
  const { queue, batches } = createQueue()
  const save = saveToQueue<number, string>(queue, ({ value }) => value)
  const half = 'a'.repeat(127_898)
  await save(entriesOf([half, half, '', 'é']))
  expect(batches.map((batch) => batch.length)).toEqual([2, 2])
})

test('refuses a message over 128 KB before anything is sent, and tells that trying again is no use', async () => {
  const { queue, batches } = createQueue()
  const save = saveToQueue<number, string>(queue, ({ value }) => value)
  await save(entriesOf(['a'.repeat(127_898)]))
  await expect(save(entriesOf(['small', 'é'.repeat(63_950)]))).rejects.toMatchObject({
    code: 'message_too_large',
    retryable: false,
    message:
      'Cannot write to a queue: a message must be at most 128000 bytes with its metadata, received 128002',
  })
  expect(batches).toHaveLength(1)
})

test('refuses a message that has no JSON text', async () => {
  const { queue } = createQueue()
  await expect(saveToQueue(queue, () => undefined)([{ id: 1, value: 1 }])).rejects.toMatchObject({
    code: 'invalid_request',
    retryable: false,
  })
})

test('lets a write-behind give up one message that is too large and send the others', async () => {
  const { queue, batches } = createQueue()
  const lost: unknown[] = []
  const behind = createWriteBehind<string, string>(
    { put: () => Promise.resolve() },
    {
      save: saveToQueue(queue, ({ value }) => value),
      onEvent: (event) => event.type === 'lost' && lost.push(event.entry.id),
    },
  )
  for (const id of ['a', 'b', 'c', 'd']) {
    await behind.put(id, id === 'c' ? 'x'.repeat(130_000) : id)
  }
  await expect(behind.flush()).rejects.toMatchObject({ code: 'message_too_large' })
  expect(lost).toEqual(['c'])
  const sent = batches.flat().map((message) => (message as { body: unknown }).body)
  expect(sent.toSorted()).toEqual(['a', 'b', 'd'])
})

test('passes on what the queue rejects with', async () => {
  const queue = { sendBatch: () => Promise.reject(new Error('Queue is overloaded')) }
  await expect(saveToQueue(queue, () => 1)([{ id: 1, value: 1 }])).rejects.toThrow('overloaded')
})

test('refuses a missing binding', () => {
  // @ts-expect-error A binding that is not in the configuration.
  expect(() => saveToQueue(undefined, () => 1)).toThrow(TypeError)
})
