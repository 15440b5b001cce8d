import { error, redirect } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import type { PublishedContent } from '@codex/core-services'
import { addFreeItem } from '$lib/server/add-free-item.ts'
import { requireUser } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

const moreCount = 5

export const load: PageServerLoad = async ({ locals, params, url }) => {
  const { content } = locals.app
  const item = await content.getPublishedBySlug(params.slug)
  if (!item) error(404, { message: 'This item was unpublished, or never was here.' })
  const [access, shelf] = await Promise.all([
    accessTo(item, locals),
    content.listPublished({ categorySlug: item.category.slug, pageSize: moreCount }),
  ])
  const { body, ...shown } = item
  return {
    item: shown,
    access,
    // What is sold goes only to those who have it.
    body: access === 'none' ? null : body,
    canDownload: access !== 'none' && item.mediaItemId !== null,
    added: url.searchParams.has('added'),
    more: shelf.ok ? shelf.items.filter(({ id }) => id !== item.id).slice(0, moreCount - 1) : [],
  }
}

export const actions: Actions = {
  buy: async (event) => {
    const user = requireUser(event)
    const { app, origin } = event.locals
    const item = await app.content.getPublishedBySlug(event.params.slug)
    if (!item) error(404, { message: 'This item was unpublished, or never was here.' })
    const here = `/item/${encodeURIComponent(item.slug)}`
    if ((await accessTo(item, event.locals)) !== 'none') redirect(303, here)
    if (item.priceCents === 0) {
      await addFreeItem(app, { userId: user.id, item })
      redirect(303, `${here}?added`)
    }
    const { url } = await app.checkout.start({ user, item, origin })
    redirect(303, url)
  },
}

async function accessTo(
  item: PublishedContent,
  { app, session }: RequestEvent['locals'],
): Promise<'none' | 'bought' | 'creator'> {
  if (!session) return 'none'
  if (session.user.id === item.creator.id) return 'creator'
  return (await app.purchases.hasPurchased(session.user.id, item.id)) ? 'bought' : 'none'
}
