import { accept, refuse, type Answer } from './answer.ts'
import { applyAction, type ApplyActionOptions } from './apply-action.ts'
import { describeDatabaseError } from './commit-once.ts'
import { readBodyWithin } from './read-body-within.ts'
import type { WebhookSettings } from './settings.ts'
import { parseEvent, toAction, type StripeEvent } from './stripe-event.ts'
import { verifyEvent } from './verify-event.ts'

export interface WebhookHandlerOptions extends ApplyActionOptions {
  readonly webhookSecrets: readonly string[]
  /** Those of now. It never rejects. */
  readonly readSettings: () => Promise<WebhookSettings>
}

/**
 * Answers `POST /webhooks/stripe`.
 *
 * Stripe sends an event again, for up to three days, until the answer is a 2xx. So a 2xx is given exactly when nothing
 * is left to do, and everything that a later delivery could put right is refused: Stripe keeps the event, shows it as
 * failed in its dashboard, and it can be resent from there by hand. That is this endpoint's dead-letter queue.
 *
 * @returns The answer and what to log of it. It never rejects.
 */
export function createWebhookHandler(
  options: WebhookHandlerOptions,
): (request: Request) => Promise<Answer> {
  return async (request) => {
    let event: StripeEvent | undefined
    try {
      const received = await receiveEvent(request, options)
      if ('status' in received) return received
      event = received
      return { ...(await processEvent(event, options)), ...describe(event) }
    } catch (error) {
      const detail = describeDatabaseError(error)
      return { ...refuse('processing_failed', { detail }), ...(event && describe(event)) }
    }
  }
}

function describe({ id, type }: StripeEvent): Pick<Answer, 'eventId' | 'eventType'> {
  return { eventId: id, eventType: type }
}

/** The event that the request carries, when it is proven to be one of Stripe's. */
async function receiveEvent(
  request: Request,
  { webhookSecrets, readSettings, now }: WebhookHandlerOptions,
): Promise<StripeEvent | Answer> {
  if (new URL(request.url).pathname !== '/webhooks/stripe') return refuse('not_found')
  if (request.method !== 'POST') {
    return { ...refuse('method_not_allowed'), headers: { allow: 'POST' } }
  }
  const [contentType = ''] = (request.headers.get('content-type') ?? '').split(';')
  if (contentType.trim().toLowerCase() !== 'application/json') return refuse('unsupported_content')
  const signature = request.headers.get('stripe-signature')
  if (signature === null) return refuse('missing_signature')
  const { maxBodyBytes, timestampToleranceSeconds: toleranceSeconds } = await readSettings()
  const body = await readBodyWithin(request, maxBodyBytes)
  if (body === null) return refuse('body_too_large')

  const verified = await verifyEvent(body, {
    signature,
    secrets: webhookSecrets,
    toleranceSeconds,
    nowMs: now(),
  })
  if (!verified.ok) return refuse(verified.reason)
  return parseEvent(verified.event) ?? refuse('invalid_payload')
}

async function processEvent(event: StripeEvent, options: WebhookHandlerOptions): Promise<Answer> {
  const action = toAction(event)
  switch (action.kind) {
    case 'ignored':
      return accept('ignored', { detail: action.why })
    case 'unexpected':
      // Someone's money may be behind it. 422 keeps it with Stripe until a fixed version of this worker is there, and
      // the log line names the fields. A 200 would lose it, and a 500 would say that only we were to blame.
      return refuse('unexpected_shape', { detail: action.fields.join(', ') })
    case 'checkout':
    case 'refund':
    case 'customer':
      return applyAction(event, action, options)
  }
}
