import { error } from '@sveltejs/kit'
import { maxPageSize } from '@codex/core-services'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ locals, params }) => {
  const { content, creators } = locals.app
  const creator = await creators.getByHandle(params.handle)
  if (!creator) error(404, { message: 'There is no creator of that name.' })
  const page = await content.listByCreator(creator.id, { pageSize: maxPageSize })
  const items = page.ok ? page.items.filter(({ status }) => status === 'published') : []
  return {
    creator: { handle: creator.handle, displayName: creator.displayName, bio: creator.bio },
    // Only what a card shows: a creator's own list also holds what is sold.
    items: items.map(({ id, slug, title, priceCents, currency, category }) => ({
      id,
      slug,
      title,
      priceCents,
      currency,
      category,
      creator: { displayName: creator.displayName },
    })),
  }
}
