import { error, fail, redirect } from '@sveltejs/kit'
import { loadItemFormOptions } from '$lib/server/item-form-options.ts'
import { readItemForm, toContentInput, toFieldErrors } from '$lib/server/item-form.ts'
import { readForm } from '$lib/server/read-form.ts'
import { requireCreator } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

const maxItemFormBytes = 256 * 1024

export const load: PageServerLoad = async (event) => {
  const user = requireCreator(event)
  return { options: await loadItemFormOptions(event.locals.app, user.id) }
}

export const actions: Actions = {
  default: async (event) => {
    const user = requireCreator(event)
    const { content, creators } = event.locals.app
    const values = readItemForm(await readForm(event.request, { maxBytes: maxItemFormBytes }))
    const parsed = toContentInput(values)
    if (!parsed.ok) return fail(400, { values, errors: parsed.errors })
    await creators.ensureCreator({ id: user.id, name: user.name })
    const result = await content.createDraft(user.id, parsed.input)
    if (!result.ok) {
      if (result.reason === 'not_found') error(403, { message: 'Only creators can make items.' })
      return fail(400, { values, errors: toFieldErrors(result.issues) })
    }
    redirect(303, `/studio/items/${result.content.id}?made`)
  },
}
