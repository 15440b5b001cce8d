import { env } from 'cloudflare:workers'
import { categories, content, createDatabase, users } from '@codex/database'
import Stripe from 'stripe'
import { wireWorker, type WebhookEnv } from '../src/wire-worker.ts'

export const database = createDatabase(env.DB)
export const secret = 'whsec_development_only'
export const nowMs = Date.UTC(2026, 5, 1, 12)
export const nowSeconds = nowMs / 1000
export const url = 'https://webhooks.codex.example/webhooks/stripe'

export async function addPeopleAndContent() {
  const people = ['ada', 'buyer'].map((id) => ({
    id,
    name: `Name of ${id}`,
    email: `${id}@codex.example`,
  }))
  await database.insert(users).values(people)
  await database.insert(categories).values({ id: 'audio', slug: 'audio', name: 'Audio' })
  await database.insert(content).values({
    id: 'item',
    slug: 'item',
    title: 'Item',
    creatorId: 'ada',
    categoryId: 'audio',
    priceCents: 500,
  })
}

/** A worker on the real local bindings at a fixed time, with its log kept. */
export function createWorker(changes: Partial<WebhookEnv> = {}) {
  const log: { readonly line: Record<string, unknown>; readonly text: string }[] = []
  const worker = wireWorker(
    { ...env, ...changes },
    {
      now: () => nowMs,
      log: (text) => log.push({ line: JSON.parse(text) as Record<string, unknown>, text }),
    },
  )
  return { worker, log }
}

interface SignOptions {
  readonly secret?: string
  readonly timestamp?: number
}

export function sign(payload: string, options: SignOptions = {}): Promise<string> {
  return Stripe.webhooks.generateTestHeaderStringAsync({
    payload,
    secret: options.secret ?? secret,
    timestamp: options.timestamp ?? nowSeconds,
  })
}

export async function createRequest(
  event: unknown,
  options: SignOptions & { readonly signature?: string } = {},
): Promise<Request> {
  const payload = typeof event === 'string' ? event : JSON.stringify(event)
  return new Request(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'stripe-signature': options.signature ?? (await sign(payload, options)),
    },
    body: payload,
  })
}

/** Signs and sends an event, and reads the answer. */
export async function deliver(
  { worker }: Pick<ReturnType<typeof createWorker>, 'worker'>,
  event: unknown,
  options: SignOptions = {},
) {
  const response = await worker.fetch(await createRequest(event, options))
  const body = await response.json<Record<string, unknown>>()
  return { status: response.status, body, operations: response.headers.get('x-codex-operations') }
}

interface EventOptions {
  readonly id?: string
  readonly type?: string
  readonly created?: number
  readonly object?: Readonly<Record<string, unknown>>
}

function createEvent(type: string, object: object, options: EventOptions) {
  return {
    id: options.id ?? `evt_${type.replaceAll('.', '_')}`,
    object: 'event',
    type: options.type ?? type,
    created: options.created ?? nowSeconds,
    data: { object: { ...object, ...options.object } },
  }
}

export function checkoutEvent(options: EventOptions = {}) {
  const session = {
    id: 'cs_1',
    object: 'checkout.session',
    payment_status: 'paid',
    payment_intent: 'pi_1',
    customer: 'cus_1',
    client_reference_id: 'buyer',
    amount_total: 500,
    currency: 'usd',
    metadata: { userId: 'buyer', contentId: 'item' },
  }
  return createEvent('checkout.session.completed', session, options)
}

export function refundEvent(options: EventOptions = {}) {
  const charge = {
    id: 'ch_1',
    object: 'charge',
    payment_intent: 'pi_1',
    amount: 500,
    amount_refunded: 500,
    refunded: true,
  }
  return createEvent('charge.refunded', charge, options)
}

export function customerEvent(options: EventOptions = {}) {
  const customer = {
    id: 'cus_1',
    object: 'customer',
    name: 'New name',
    email: 'new@codex.example',
    metadata: {},
  }
  return createEvent('customer.updated', customer, options)
}

/** A binding in an outage: everything that is asked of it rejects as the platform's does. */
export function createFailing<T extends object>(binding: T, message: string): T {
  const fail = () => Promise.reject(new Error(message))
  return new Proxy(binding, {
    get: (_, name) =>
      name === 'prepare' ? () => ({ bind: () => ({ all: fail, raw: fail, run: fail }) }) : fail,
  })
}
