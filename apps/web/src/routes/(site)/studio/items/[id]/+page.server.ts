import { error, fail } from '@sveltejs/kit'
import { loadItemFormOptions } from '$lib/server/item-form-options.ts'
import { readItemForm, toContentInput, toFieldErrors } from '$lib/server/item-form.ts'
import { readForm } from '$lib/server/read-form.ts'
import { requireCreator } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

const maxItemFormBytes = 256 * 1024
const noSuchItem = { message: 'There is no such item among yours.' }

export const load: PageServerLoad = async (event) => {
  const user = requireCreator(event)
  const [item, options] = await Promise.all([
    event.locals.app.content.getForCreator(user.id, event.params.id),
    loadItemFormOptions(event.locals.app, user.id),
  ])
  if (!item) error(404, noSuchItem)
  const { id, slug, title, summary, body, priceCents, category, mediaItemId, status } = item
  return {
    item: { id, slug, title, status, categorySlug: category.slug },
    values: {
      title,
      summary,
      body,
      categoryId: category.id,
      price: (priceCents / 100).toFixed(priceCents % 100 === 0 ? 0 : 2),
      mediaItemId: mediaItemId ?? '',
    },
    options,
    made: event.url.searchParams.has('made'),
  }
}

export const actions: Actions = {
  save: async (event) => {
    const user = requireCreator(event)
    const values = readItemForm(await readForm(event.request, { maxBytes: maxItemFormBytes }))
    const parsed = toContentInput(values)
    if (!parsed.ok) return fail(400, { values, errors: parsed.errors })
    const result = await event.locals.app.content.update(user.id, event.params.id, parsed.input)
    if (!result.ok) {
      if (result.reason === 'not_found') error(404, noSuchItem)
      return fail(400, { values, errors: toFieldErrors(result.issues) })
    }
    return { values, errors: {}, message: 'Saved.' }
  },

  publish: async (event) => {
    const user = requireCreator(event)
    const result = await event.locals.app.content.publish(user.id, event.params.id)
    if (!result.ok) error(404, noSuchItem)
    return { values: null, errors: {}, message: 'It is on the shelves.' }
  },

  unpublish: async (event) => {
    const user = requireCreator(event)
    const result = await event.locals.app.content.unpublish(user.id, event.params.id)
    if (!result.ok) error(404, noSuchItem)
    return {
      values: null,
      errors: {},
      message: 'It is off the shelves. Those who bought it keep it.',
    }
  },
}
