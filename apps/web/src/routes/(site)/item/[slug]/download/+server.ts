import { error } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import { itemAccess, openWithdrawn } from '$lib/server/item-access.ts'
import { requireUser } from '$lib/server/require-user.ts'
import type { RequestHandler } from './$types'

/** The file of an item, for whoever bought it and for its creator, also after it was unpublished. */
export const GET: RequestHandler = async (event) => {
  requireUser(event)
  const mediaItemId = await findMedia(event.locals, event.params.slug)
  const file = await event.locals.app.media.open(mediaItemId, event.request.headers)
  if (!file.ok) {
    error(404, {
      message:
        file.reason === 'not_ready'
          ? 'This file is still being prepared. Try again in a minute.'
          : 'This file is gone. Write to the creator about it.',
    })
  }
  return new Response(file.body, { status: file.status, headers: file.headers })
}

async function findMedia(locals: RequestEvent['locals'], slug: string): Promise<string> {
  const nothing = { message: 'This item has no file to download.' }
  const published = await locals.app.content.getPublishedBySlug(slug)
  if (published && (await itemAccess(locals, published)) === 'none') {
    error(403, { message: 'Buy this item first, then download it.' })
  }
  const item = published ?? (await openWithdrawn(locals, slug))?.item
  return item?.mediaItemId ?? error(404, nothing)
}
