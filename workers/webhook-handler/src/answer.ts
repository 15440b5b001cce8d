/** What is answered for each refusal: a status, and words for whoever reads it in Stripe's dashboard or in a terminal. */
const refusals = {
  not_found: [404, 'There is nothing here; events go to /webhooks/stripe'],
  method_not_allowed: [405, 'Send events with POST'],
  unsupported_content: [400, 'Send the event as application/json'],
  missing_signature: [400, 'The Stripe-Signature header is missing'],
  body_too_large: [413, 'The body is larger than what is taken here'],
  bad_signature: [400, 'The signature does not match the body'],
  timestamp_too_old: [400, 'The signature is too old'],
  timestamp_in_future: [400, 'The signature is from too far in the future'],
  invalid_payload: [400, 'The body is not a Stripe event'],
  unexpected_shape: [
    422,
    'The event is of a known type and not as expected; the log names the fields',
  ],
  unknown_reference: [409, 'The event names a user or an item that does not exist (yet)'],
  processing_failed: [
    500,
    'The event could not be processed now; nothing of it was kept unless all of it was',
  ],
  misconfigured: [500, 'This endpoint is not configured'],
} as const satisfies Record<string, readonly [status: number, message: string]>

type Refusal = keyof typeof refusals

/** An answer, and what to log of it. Neither ever holds a secret, a signature or a person's data. */
export interface Answer {
  readonly status: number
  readonly outcome: 'processed' | 'duplicate' | 'ignored' | Refusal
  readonly body: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly eventId?: string
  readonly eventType?: string
  readonly detail?: string
  /** `false`: the effects stand, and caches may show the state before them until their TTL ends. */
  readonly cacheInvalidated?: boolean
}

interface LoggedOnly {
  readonly detail?: string
  readonly cacheInvalidated?: boolean
}

/** The event needs nothing more: Stripe will not send it again. */
export function accept(
  outcome: 'processed' | 'duplicate' | 'ignored',
  logged: LoggedOnly = {},
): Answer {
  const extra = outcome === 'processed' ? {} : { [outcome]: true }
  return { status: 200, outcome, body: { received: true, ...extra }, ...logged }
}

/** Nothing was done. Stripe sends the event again later. */
export function refuse(outcome: Refusal, logged: LoggedOnly = {}): Answer {
  const [status, message] = refusals[outcome]
  return { status, outcome, body: { received: false, error: outcome, message }, ...logged }
}
