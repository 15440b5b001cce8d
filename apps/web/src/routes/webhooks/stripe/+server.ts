import { forwardWebhook } from '$lib/server/forward-webhook.ts'
import type { RequestHandler } from './$types'

/** Stripe calls this address; the worker behind the service binding checks the signature and does the work. */
export const POST: RequestHandler = ({ platform, request, url }) => {
  if (!platform) throw new Error('This app runs on Cloudflare Workers only')
  const { headers, body } = request
  return forwardWebhook(platform.env.WEBHOOK_HANDLER, { url, headers, body })
}
