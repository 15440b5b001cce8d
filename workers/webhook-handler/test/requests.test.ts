import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { processedWebhookEvents, purchases } from '@codex/database'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addPeopleAndContent,
  checkoutEvent,
  createRequest,
  createWorker,
  customerEvent,
  database,
  deliver,
  nowSeconds,
  refundEvent,
  secret,
  sign,
  url,
} from './fixtures.ts'

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addPeopleAndContent()
})
afterEach(() => reset())

/** Sends a request that has to be refused, and proves that nothing came of it and nothing leaked. */
async function expectRefusal(request: Request, expected: { status: number; error: string }) {
  const { worker, log } = createWorker()
  const signature = request.headers.get('stripe-signature')
  const response = await worker.fetch(request)
  const text = await response.text()
  expect(response.headers.get('content-type')).toBe('application/json')
  expect({ status: response.status, body: JSON.parse(text) as unknown }).toEqual({
    status: expected.status,
    body: { received: false, error: expected.error, message: expect.any(String) as unknown },
  })
  expect(log.map(({ line }) => line)).toMatchObject([
    { event: 'operations', status: expected.status, outcome: expected.error },
  ])
  for (const output of [text, ...log.map((entry) => entry.text)]) {
    expect(output).not.toContain(secret)
    if (signature) expect(output).not.toContain(signature)
  }
  expect(await database.select().from(processedWebhookEvents)).toEqual([])
  expect(await database.select().from(purchases)).toEqual([])
  return response
}

const json = { 'content-type': 'application/json' }

describe('a request that is no delivery', () => {
  it('is answered 404 at any other path', async () => {
    for (const path of ['/', '/webhooks', '/webhooks/stripe/', '/webhooks/stripe2']) {
      const request = new Request(new URL(path, url), { method: 'POST' })
      await expectRefusal(request, { status: 404, error: 'not_found' })
    }
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('is answered 405 to %s', async (method) => {
    const { worker } = createWorker()
    const response = await worker.fetch(new Request(url, { method }))
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'is answered 400 for the content type %j',
    async (contentType) => {
      const request = await createRequest(checkoutEvent())
      request.headers.set('content-type', contentType)
      await expectRefusal(request, { status: 400, error: 'unsupported_content' })
    },
  )
})

describe('the body', () => {
  const limit = 256 * 1024
  const padded = (sizeBytes: number) => {
    const event = JSON.stringify({ ...checkoutEvent({ type: 'some.other' }), padding: '' })
    return event.replace('"padding":""', `"padding":"${'x'.repeat(sizeBytes - event.length)}"`)
  }

  it('may be 262,144 bytes and not one more', async () => {
    expect((await deliver(createWorker(), padded(limit))).status).toBe(200)
    const request = await createRequest(padded(limit + 1))
    await expectRefusal(request, { status: 413, error: 'body_too_large' })
  })

  it('is refused by its declared length before it is read', async () => {
    let pulled = 0
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1
        controller.enqueue(new Uint8Array(1024))
        if (pulled === 8) controller.close()
      },
    })
    const headers = { ...json, 'stripe-signature': 't=1', 'content-length': String(limit + 1) }
    const request = new Request(url, { method: 'POST', headers, body })
    await expectRefusal(request, { status: 413, error: 'body_too_large' })
    expect(pulled).toBeLessThanOrEqual(1)
  })

  it('is refused while it streams, whatever length was declared', async () => {
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 64 * 1024
        controller.enqueue(new Uint8Array(64 * 1024))
        if (sent >= 1024 * 1024) controller.close()
      },
    })
    const headers = { ...json, 'stripe-signature': 't=1' }
    const request = new Request(url, { method: 'POST', headers, body })
    await expectRefusal(request, { status: 413, error: 'body_too_large' })
    expect(sent).toBeLessThanOrEqual(limit + 2 * 64 * 1024)
  })

  it.each([
    ['', 'invalid_payload'],
    ['{', 'invalid_payload'],
    ['[]', 'invalid_payload'],
    ['null', 'invalid_payload'],
    ['"text"', 'invalid_payload'],
    ['{}', 'invalid_payload'],
    ['{"id":"evt_1","type":"x","created":1}', 'invalid_payload'],
    ['{"id":"evt_1","type":"x","created":"1","data":{"object":{}}}', 'invalid_payload'],
    ['{"id":"../x","type":"x","created":1,"data":{"object":{}}}', 'invalid_payload'],
    ['{"id":"evt_1","object":"v2.core.event","type":"x","created":1}', 'invalid_payload'],
  ])('%j with a right signature is answered 400', async (payload, error) => {
    await expectRefusal(await createRequest(payload), { status: 400, error })
  })
})

describe('the signature', () => {
  const payload = JSON.stringify(checkoutEvent())

  it('is required', async () => {
    const request = new Request(url, { method: 'POST', headers: json, body: payload })
    await expectRefusal(request, { status: 400, error: 'missing_signature' })
  })

  it.each([
    '',
    'x',
    't=1',
    `t=${nowSeconds}`,
    'v1=00',
    `t=${nowSeconds},v1`,
    `t=${nowSeconds},v1=`,
    `t=${nowSeconds},v1=${'0'.repeat(64)}`,
    `t=abc,v1=${'0'.repeat(64)}`,
    `t=,v1=${'0'.repeat(64)}`,
  ])('%j is answered 400', async (signature) => {
    const request = await createRequest(payload, { signature })
    await expectRefusal(request, { status: 400, error: 'bad_signature' })
  })

  it('of another secret, another body or another scheme is answered 400', async () => {
    const valid = await sign(payload)
    const wrong = [
      await sign(payload, { secret: 'whsec_other' }),
      await sign(`${payload} `),
      valid.replace('v1=', 'v0='),
      valid.replace(`t=${nowSeconds}`, `t=${nowSeconds + 1}`),
      // The time that is signed is not the time that is judged.
      `${valid},t=${nowSeconds}`,
    ]
    for (const signature of wrong) {
      const request = await createRequest(payload, { signature })
      await expectRefusal(request, { status: 400, error: 'bad_signature' })
    }
  })

  it.each([
    [-301, 'timestamp_too_old'],
    [-86_400, 'timestamp_too_old'],
    [301, 'timestamp_in_future'],
    [86_400, 'timestamp_in_future'],
  ])('of %i s from now is refused', async (offset, error) => {
    const request = await createRequest(payload, { timestamp: nowSeconds + offset })
    await expectRefusal(request, { status: 400, error })
  })

  it.each([-300, 0, 300])('of %i s from now is accepted', async (offset) => {
    const answer = await deliver(createWorker(), payload, { timestamp: nowSeconds + offset })
    expect(answer.status).toBe(200)
  })

  it('may be by any of several secrets, and by several at once', async () => {
    const rotating = createWorker({ STRIPE_WEBHOOK_SECRET: ' whsec_new , whsec_old,' })
    for (const [index, by] of ['whsec_new', 'whsec_old'].entries()) {
      const event = checkoutEvent({ id: `evt_${index}` })
      expect((await deliver(rotating, event, { secret: by })).status).toBe(200)
    }
    expect((await deliver(rotating, payload)).status).toBe(400)
    const foreign = (await sign(payload, { secret: 'whsec_other' })).split(',')[1] ?? ''
    const both = `${await sign(payload, { secret: 'whsec_old' })},${foreign}`
    const request = await createRequest(payload, { signature: both })
    expect((await rotating.worker.fetch(request)).status).toBe(200)
  })
})

describe('an event', () => {
  it('of a type that nothing is done for is acknowledged and leaves nothing', async () => {
    const answer = await deliver(createWorker(), checkoutEvent({ type: 'invoice.paid' }))
    expect(answer).toMatchObject({ status: 200, body: { received: true, ignored: true } })
    expect(answer.operations).toBe(
      // Of the settings.
      'kv.read=1 kv.write=0 kv.delete=0 kv.list=0 d1.query=0 do.request=0',
    )
    expect(await database.select().from(processedWebhookEvents)).toEqual([])
  })

  const checkout = (object: Record<string, unknown>) => checkoutEvent({ object })
  it.each([
    [checkout({ payment_status: undefined }), 'payment_status'],
    [checkout({ payment_intent: null }), 'payment_intent'],
    [checkout({ amount_total: null }), 'amount_total'],
    [checkout({ amount_total: -1 }), 'amount_total'],
    [checkout({ currency: 'dollars' }), 'currency'],
    [checkout({ metadata: {} }), 'metadata.userId, metadata.contentId'],
    [checkout({ metadata: null }), 'metadata'],
    [checkout({ client_reference_id: 'ada' }), 'client_reference_id'],
    [refundEvent({ object: { refunded: 'yes' } }), 'refunded'],
    [refundEvent({ object: { payment_intent: 7 } }), 'payment_intent'],
    [customerEvent({ object: { name: {} } }), 'name'],
    [customerEvent({ object: { id: null } }), 'id'],
  ])('of a known type with an unexpected shape is answered 422 (%#)', async (event, fields) => {
    await expectRefusal(await createRequest(event), { status: 422, error: 'unexpected_shape' })
    const { worker, log } = createWorker()
    await deliver({ worker }, event)
    expect(log[0]?.line).toMatchObject({ eventId: event.id, eventType: event.type, detail: fields })
  })

  it('names a user or an item that does not exist: 409, so that it comes again, and works then', async () => {
    const metadata = { userId: 'late', contentId: 'gone' }
    const event = checkout({ metadata, client_reference_id: null })
    await expectRefusal(await createRequest(event), { status: 409, error: 'unknown_reference' })
    const created = createWorker()
    await deliver(created, event)
    expect(created.log[0]?.line).toMatchObject({ eventId: event.id, detail: 'user, content' })
    const again = { ...event, data: checkoutEvent().data }
    expect((await deliver(created, again)).body).toEqual({ received: true })
  })
})
