import Stripe from 'stripe'
import type { SiteClient, SiteResponse } from './site-client.ts'

/** The secret in the development section of the workers' wrangler.jsonc. */
export const developmentWebhookSecret = 'whsec_development_only'

/** How to sign and send an event. */
export interface SendWebhookOptions {
  /** Default: the development secret. */
  readonly secret?: string
  /** When it says it was signed, epoch seconds. Default: now. */
  readonly timestampSeconds?: number
  /** Sent in place of the event that was signed. */
  readonly tamperedBody?: string
}

/** Sends an event to the webhook endpoint as Stripe does. */
export async function sendWebhook(
  client: SiteClient,
  event: unknown,
  options: SendWebhookOptions = {},
): Promise<SiteResponse> {
  const stripe = new Stripe('sk_test_unused')
  const payload = JSON.stringify(event)
  const signature = await stripe.webhooks.generateTestHeaderStringAsync({
    payload,
    secret: options.secret ?? developmentWebhookSecret,
    ...(options.timestampSeconds !== undefined && { timestamp: options.timestampSeconds }),
  })
  return client.request('/webhooks/stripe', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'stripe-signature': signature },
    body: options.tamperedBody ?? payload,
  })
}
