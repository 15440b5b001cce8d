import { fail, redirect } from '@sveltejs/kit'
import { passwordLength } from '@codex/auth'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = ({ url }) => ({
  token: url.searchParams.get('token') ?? '',
  passwordLength,
})

export const actions: Actions = {
  default: async (event) => {
    const { app, auth, address } = event.locals
    const form = await readForm(event.request)
    const decision = await app.limits.check('verifyEmail', [{ policy: 'verifyEmail', address }])
    if (!decision.allowed) return refuseOverLimit(event, decision, { reason: 'limited' })
    const result = await auth.resetPassword({
      token: textField(form, 'token'),
      password: textField(form, 'password'),
    })
    if (!result.ok) return fail(400, { reason: result.reason, message: result.message })
    // Whoever guessed at this account before must not keep its owner from signing in now.
    await app.limits.forgive({ policy: 'login', email: result.email })
    redirect(303, '/sign-in?reset=1')
  },
}
