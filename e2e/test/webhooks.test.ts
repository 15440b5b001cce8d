import {
  countInLibrary,
  listCategory,
  type ListedItem,
  paidCheckoutEvent,
  sampleUser,
  sendWebhook,
} from '@codex/local-stack'
import { beforeAll, describe, expect, it } from 'vitest'
import { signedInSample, visitor } from '../src/visitor.ts'

let items: ListedItem[]

beforeAll(async () => {
  const paid = (await listCategory(visitor(), 'sample-packs')).filter((item) => item.priceCents > 0)
  const sam = await signedInSample('sam')
  const counts = await Promise.all(paid.map((item) => countInLibrary(sam, item)))
  items = paid.filter((_, index) => counts[index] === 0)
})

/** An item that the customer does not have yet. */
function nextItem(): ListedItem {
  const item = items.pop()
  if (item === undefined) throw new Error('Expected one more item that was not bought yet')
  return item
}

function eventFor(item: ListedItem): Readonly<Record<string, unknown>> {
  return paidCheckoutEvent({
    userId: sampleUser('sam').id,
    contentId: item.id,
    amountCents: item.priceCents,
  })
}

describe('a paid checkout', () => {
  it('puts the item into the library, once, however often it comes', async () => {
    const sam = await signedInSample('sam')
    const item = nextItem()
    const event = eventFor(item)
    const first = await sendWebhook(visitor(), event)
    expect(first.status, first.text).toBe(200)
    expect(JSON.parse(first.text)).toEqual({ received: true })
    expect(await countInLibrary(sam, item)).toBe(1)
    const replays = await Promise.all([1, 2, 3].map(() => sendWebhook(visitor(), event)))
    for (const replay of replays) {
      expect(replay.status).toBe(200)
      expect(JSON.parse(replay.text)).toEqual({ received: true, duplicate: true })
    }
    expect(await countInLibrary(sam, item)).toBe(1)
  })

  it('counts once when two deliveries arrive together', async () => {
    const sam = await signedInSample('sam')
    const item = nextItem()
    const event = eventFor(item)
    const answers = await Promise.all([1, 2, 3, 4].map(() => sendWebhook(visitor(), event)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const processed = answers.filter(({ text }) => !text.includes('duplicate'))
    expect(processed).toHaveLength(1)
    expect(await countInLibrary(sam, item)).toBe(1)
  })

  it('opens the item for its buyer in the whole story of buying', async () => {
    const sam = await signedInSample('sam')
    const item = nextItem()
    const buy = await sam.postForm(`/item/${item.slug}?/buy`)
    expect(buy.location).toMatch(/^\/dev\/checkout\/cs_test_/)
    const checkout = new URL(buy.location ?? '', sam.origin)
    expect((await sam.get(checkout.pathname + checkout.search)).status).toBe(200)
    const paid = await sam.postForm(`${checkout.pathname}?/pay&item=${item.slug}`)
    expect(paid.location).toBe(`/library?bought=${item.slug}`)
    expect(await countInLibrary(sam, item)).toBe(1)
    expect((await sam.get(`/item/${item.slug}/download`)).status).toBe(200)
  })
})

describe('a webhook that is not what it should be', () => {
  it.each([
    ['signed with another secret', { secret: 'whsec_somebody_else' }],
    ['changed after it was signed', { tamperedBody: '{"id":"evt_other"}' }],
    ['too old', { timestampSeconds: Math.floor(Date.now() / 1000) - 3_600 }],
    ['from the future', { timestampSeconds: Math.floor(Date.now() / 1000) + 3_600 }],
  ])('is refused when it is %s', async (_what, options) => {
    const sam = await signedInSample('sam')
    const item = items[0]
    if (item === undefined) throw new Error('Expected an item that was not bought yet')
    const response = await sendWebhook(visitor(), eventFor(item), options)
    expect(response.status).toBe(400)
    expect(await countInLibrary(sam, item)).toBe(0)
  })

  it('is refused without a signature, with a malformed one, and without a body', async () => {
    const client = visitor()
    const send = async (headers: Record<string, string>, body: string): Promise<number> => {
      const response = await client.request('/webhooks/stripe', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      })
      return response.status
    }
    expect(await send({}, '{}')).toBe(400)
    expect(await send({ 'stripe-signature': 'nonsense' }, '{}')).toBe(400)
    expect(await send({ 'stripe-signature': 't=1,v1=00' }, '')).toBe(400)
  })

  it('is refused when it is larger than any event', async () => {
    const event = { id: 'evt_large', padding: 'x'.repeat(300 * 1024) }
    expect((await sendWebhook(visitor(), event)).status).toBe(413)
  })

  it('is kept with Stripe when it names a user or an item that is not there', async () => {
    const item = items[0]
    const event = paidCheckoutEvent({
      userId: 'nobody',
      contentId: item?.id ?? '',
      amountCents: 100,
    })
    expect((await sendWebhook(visitor(), event)).status).toBe(409)
  })

  it('is accepted and left alone when it is of a type that does not matter here', async () => {
    const event = { ...paidCheckoutEvent({ userId: 'a', contentId: 'b', amountCents: 1 }) }
    const response = await sendWebhook(visitor(), { ...event, type: 'invoice.created' })
    expect(response.status).toBe(200)
    expect(JSON.parse(response.text)).toEqual({ received: true, ignored: true })
  })

  it('cannot be read with GET', async () => {
    expect((await visitor().get('/webhooks/stripe')).status).toBe(405)
  })
})
