import { error } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import { requireUser } from '$lib/server/require-user.ts'
import type { RequestHandler } from './$types'

/** The file of an item, for whoever bought it (also after it was unpublished) and for its creator. */
export const GET: RequestHandler = async (event) => {
  const user = requireUser(event)
  const { app } = event.locals
  const mediaItemId = await findMedia(event.locals, { userId: user.id, slug: event.params.slug })
  const file = await app.media.open(mediaItemId, event.request.headers)
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

async function findMedia(
  { app }: RequestEvent['locals'],
  { userId, slug }: { userId: string; slug: string },
): Promise<string> {
  const nothing = { message: 'This item has no file to download.' }
  const item = await app.content.getPublishedBySlug(slug)
  if (item) {
    const allowed =
      item.creator.id === userId || (await app.purchases.hasPurchased(userId, item.id))
    if (!allowed) error(403, { message: 'Buy this item first, then download it.' })
    return item.mediaItemId ?? error(404, nothing)
  }
  const bought = (await app.purchases.listForUser(userId)).find((entry) => entry.slug === slug)
  return bought?.mediaItemId ?? error(404, nothing)
}
