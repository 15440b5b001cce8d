import { error, redirect } from '@sveltejs/kit'
import { addFreeItem } from '$lib/server/add-free-item.ts'
import { showsNewItemPage } from '$lib/server/flags/site-answers.ts'
import { itemAccess, openWithdrawn } from '$lib/server/item-access.ts'
import { describeError, log } from '$lib/server/log.ts'
import { requireRecentSignIn, requireUser } from '$lib/server/require-user.ts'
import { shownReads } from '$lib/server/shown-reads.ts'
import type { Actions, PageServerLoad } from './$types'

const moreCount = 5

const noSuchItem = { message: 'This item was unpublished, or never was here.' }

export const load: PageServerLoad = async ({ locals, params, url }) => {
  const { content } = locals.app
  const published = await content.getPublishedBySlug(params.slug)
  const withdrawn = published ? null : await openWithdrawn(locals, params.slug)
  const item = published ?? withdrawn?.item
  if (!item) error(404, noSuchItem)
  const [access, shelf] = await Promise.all([
    withdrawn?.access ??
      itemAccess(locals, item).catch((cause: unknown) => {
        // What everyone may see is served from the cache; what is inside waits for the database.
        log('error', 'item_access_unknown', { error: describeError(cause) })
        return 'unknown' as const
      }),
    content.listPublished({ categorySlug: item.category.slug, pageSize: moreCount }),
  ])
  const { body, ...shown } = item
  const mayOpen = access === 'bought' || access === 'creator'
  return {
    item: shown,
    access,
    forSale: published !== null,
    // What is sold goes only to those who have it.
    body: mayOpen ? body : null,
    canDownload: mayOpen && item.mediaItemId !== null,
    added: url.searchParams.has('added'),
    more: shelf.ok ? shelf.items.filter(({ id }) => id !== item.id).slice(0, moreCount - 1) : [],
    newLayout: showsNewItemPage({ flags: locals.app.flags.client, session: locals.session }),
    cacheReads: shownReads(locals),
  }
}

export const actions: Actions = {
  buy: async (event) => {
    const user = requireUser(event)
    const { app, origin } = event.locals
    // From the database: a cached price may be minutes old, and somebody is about to pay it, or nothing.
    const item = await app.content.getPublishedBySlug(event.params.slug, { fresh: true })
    if (!item) error(404, noSuchItem)
    const here = `/item/${encodeURIComponent(item.slug)}`
    if ((await itemAccess(event.locals, item)) !== 'none') redirect(303, here)
    if (item.priceCents === 0) {
      await addFreeItem(app, { userId: user.id, item })
      redirect(303, `${here}?added`)
    }
    requireRecentSignIn(event)
    const { url } = await app.checkout.start({ user, item, origin })
    redirect(303, url)
  },
}
