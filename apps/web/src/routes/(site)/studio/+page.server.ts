import { error, fail } from '@sveltejs/kit'
import { uploadLimitBytes } from '$lib/server/flags/site-answers.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import { requireCreator, requireUser } from '$lib/server/require-user.ts'
import {
  maxFormFileBytes,
  refuseLargeUpload,
  uploadOverheadBytes,
} from '$lib/server/upload-size.ts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = async (event) => {
  const user = requireUser(event)
  if (user.role === 'customer') return { creator: null }
  const { session, app } = event.locals
  const { content, media, settings } = app
  const cursor = event.url.searchParams.get('cursor')
  const [items, uploads, platform] = await Promise.all([
    content.listByCreator(user.id, { pageSize: 24, ...(cursor !== null && { cursor }) }),
    media.listByCreator(user.id),
    settings.get(),
  ])
  if (!items.ok)
    error(400, { message: 'That link to a page is damaged. Begin again in the studio.' })
  return {
    creator: {
      items: items.items.map(
        ({ id, slug, title, status, priceCents, currency, category, mediaItemId }) => ({
          id,
          slug,
          title,
          status,
          priceCents,
          currency,
          categorySlug: category.slug,
          categoryName: category.name,
          hasMedia: mediaItemId !== null,
        }),
      ),
      nextCursor: items.nextCursor,
      cursor,
      uploads: uploads.map(({ id, filename, sizeBytes, status, failureReason, createdAt }) => ({
        id,
        filename,
        sizeBytes,
        status,
        failureReason,
        createdAt,
      })),
      maxUploadBytes: uploadLimitBytes(
        { flags: app.flags.client, session },
        platform.maxUploadBytes,
      ),
    },
  }
}

export const actions: Actions = {
  upload: async (event) => {
    const user = requireCreator(event)
    const { session, app } = event.locals
    const { creators, flags, limits, media, settings } = app
    const platform = await settings.get()
    const maxUploadBytes = Math.min(
      uploadLimitBytes({ flags: flags.client, session }, platform.maxUploadBytes),
      maxFormFileBytes,
    )
    const tooLarge = refuseLargeUpload(event.request, { maxUploadBytes })
    if (tooLarge) return fail(413, { about: 'upload', message: tooLarge })
    const decision = await limits.check('upload', [{ policy: 'upload', userId: user.id }])
    if (!decision.allowed) return refuseOverLimit(event, decision, { about: 'upload' })

    const form = await readForm(event.request, { maxBytes: maxUploadBytes + uploadOverheadBytes })
    const file = form.get('file')
    if (!(file instanceof File) || file.name === '') {
      return fail(400, { about: 'upload', message: 'Choose a file first.' })
    }
    // An owner may publish too, and gets a place for uploads with the first one.
    await creators.ensureCreator({ id: user.id, name: user.name })
    const result = await media.upload(user.id, {
      filename: file.name,
      declaredType: file.type,
      sizeBytes: file.size,
      body: file.stream(),
      maxUploadBytes,
    })
    if (!result.ok) {
      const status = result.reason === 'too_large' ? 413 : 400
      return fail(status, { about: 'upload', message: result.message })
    }
    const { id, filename } = result.media
    return { about: 'upload', message: `${filename} is here and being processed.`, mediaId: id }
  },

  retry: async (event) => {
    const user = requireCreator(event)
    const form = await readForm(event.request)
    const mediaId = textField(form, 'mediaId')
    const result = await event.locals.app.media.retry(user.id, mediaId)
    if (result.ok) return { about: 'media', message: 'It is being processed again.', mediaId }
    if (result.reason === 'not_found') error(404, { message: 'There is no such upload.' })
    return fail(409, {
      about: 'media',
      message:
        result.reason === 'already_ready'
          ? 'It is ready already.'
          : 'It is being processed already.',
    })
  },

  publish: async (event) => {
    const user = requireCreator(event)
    const form = await readForm(event.request)
    const result = await event.locals.app.content.publish(user.id, textField(form, 'contentId'))
    if (!result.ok) error(404, { message: 'There is no such item.' })
    return { about: 'items', message: `“${result.content.title}” is on the shelves.` }
  },

  unpublish: async (event) => {
    const user = requireCreator(event)
    const form = await readForm(event.request)
    const result = await event.locals.app.content.unpublish(user.id, textField(form, 'contentId'))
    if (!result.ok) error(404, { message: 'There is no such item.' })
    return { about: 'items', message: `“${result.content.title}” is off the shelves.` }
  },
}
