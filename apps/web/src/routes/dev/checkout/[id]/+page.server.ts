import { error, redirect } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import type { PublishedContent } from '@codex/core-services'
import { createPaidEvent } from '$lib/server/checkout/local-payment.ts'
import { forwardWebhook } from '$lib/server/forward-webhook.ts'
import { requireUser } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

/** Development only: stands in for Stripe's page, and for the webhook that Stripe sends after it. */
export const load: PageServerLoad = async (event) => {
  requireDevelopment(event)
  const user = requireUser(event)
  const { id, slug, title, summary, priceCents, currency, category } = await findItem(event)
  return {
    item: { id, slug, title, summary, priceCents, currency, categorySlug: category.slug },
    email: user.email,
  }
}

export const actions: Actions = {
  pay: async (event) => {
    const secret = requireDevelopment(event)
    const user = requireUser(event)
    const item = await findItem(event)
    const { body, signature } = await createPaidEvent({
      checkoutId: event.params.id,
      user,
      item,
      secret,
    })
    const { env } = event.locals.app
    const response = await forwardWebhook(env.WEBHOOK_HANDLER, {
      url: new URL('/webhooks/stripe', event.url),
      headers: new Headers({
        'content-type': 'application/json; charset=utf-8',
        'stripe-signature': signature,
      }),
      body,
    })
    if (!response.ok) {
      error(502, { message: `The webhook worker answered ${String(response.status)}.` })
    }
    redirect(303, `/library?bought=${encodeURIComponent(item.slug)}`)
  },
}

function requireDevelopment({ locals, params }: RequestEvent<{ id: string }>): string {
  const { development, env } = locals.app
  const secret = env.STRIPE_WEBHOOK_SECRET
  if (!development || !secret || !/^cs_test_[a-z0-9]{8,64}$/.test(params.id)) {
    error(404, { message: 'Not Found' })
  }
  return secret
}

async function findItem({ locals, url }: RequestEvent): Promise<PublishedContent> {
  const item = await locals.app.content.getPublishedBySlug(url.searchParams.get('item') ?? '')
  return item ?? error(404, { message: 'There is no such item to buy.' })
}
