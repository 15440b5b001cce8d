import { error, fail, redirect } from '@sveltejs/kit'
import { nameLength, passwordLength } from '@codex/auth'
import { readForm, textField } from '$lib/server/read-form.ts'
import { rememberPendingEmail } from '$lib/server/pending-email.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import { requireSessionLookup } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = async ({ locals }) => {
  if (locals.session) redirect(303, '/account')
  const { registrationOpen } = await locals.app.settings.get()
  return { registrationOpen, passwordLength, nameLength }
}

export const actions: Actions = {
  default: async (event) => {
    requireSessionLookup(event)
    const { app, auth, address } = event.locals
    const form = await readForm(event.request)
    const name = textField(form, 'name').trim()
    const email = textField(form, 'email').trim()
    const password = textField(form, 'password')
    const { registrationOpen } = await app.settings.get({ fresh: true })
    if (!registrationOpen) error(403, { message: 'New accounts are closed at the moment.' })

    const decision = await app.limits.check('register', [{ policy: 'register', address }])
    if (!decision.allowed) return refuseOverLimit(event, decision, { name, email, field: null })

    const result = await auth.signUp({ name, email, password })
    if (!result.ok) return fail(400, { name, email, field: result.field, message: result.message })
    rememberPendingEmail(event, email)
    redirect(303, '/check-mail')
  },
}
