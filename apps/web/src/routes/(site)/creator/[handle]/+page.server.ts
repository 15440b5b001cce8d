import { error } from '@sveltejs/kit'
import { shownReads } from '$lib/server/shown-reads.ts'
import type { PageServerLoad } from './$types'

const pageSize = 24

export const load: PageServerLoad = async ({ locals, params, url }) => {
  const { content, creators } = locals.app
  const creator = await creators.getByHandle(params.handle)
  if (!creator) error(404, { message: 'There is no creator of that name.' })
  const cursor = url.searchParams.get('cursor')
  const page = await content.listPublishedByCreator(creator.id, {
    pageSize,
    ...(cursor !== null && { cursor }),
  })
  if (!page.ok) {
    if (page.reason === 'not_found') error(404, { message: 'There is no creator of that name.' })
    error(400, { message: 'That link to a page is damaged. Begin again with the newest.' })
  }
  const { handle, displayName, bio } = creator
  return {
    creator: { handle, displayName, bio },
    items: page.items,
    cursor,
    nextCursor: page.nextCursor,
    cacheReads: shownReads(locals),
  }
}
