import { fail, redirect } from '@sveltejs/kit'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import { requireSession } from '$lib/server/require-user.ts'
import { safeRedirectPath } from '$lib/server/safe-redirect.ts'
import type { Actions, PageServerLoad } from './$types'

const fallback = '/account'

/** Where somebody goes who is about to move money or rights, and signed in a while ago. */
export const load: PageServerLoad = (event) => {
  requireSession(event)
  return { next: safeRedirectPath(event.url.searchParams.get('next'), fallback) }
}

export const actions: Actions = {
  default: async (event) => {
    const { user } = requireSession(event)
    const { app, auth, sessions } = event.locals
    const form = await readForm(event.request)
    const next = safeRedirectPath(textField(form, 'next'), fallback)
    // The same limit as signing in: this form, too, tells whether a password is right.
    const account = { policy: 'login', email: user.email } as const
    const decision = await app.limits.check('login', [account])
    if (!decision.allowed) return refuseOverLimit(event, decision, { reason: 'limited' })
    const result = await auth.confirmPassword(textField(form, 'password'), sessions)
    if (!result.ok) {
      if (result.reason === 'not_signed_in') {
        redirect(303, `/sign-in?next=${encodeURIComponent(next)}`)
      }
      return fail(400, { reason: result.reason, message: result.message })
    }
    await app.limits.forgive(account)
    redirect(303, next)
  },
}
