import { fail } from '@sveltejs/kit'
import { looksLikeEmail } from '$lib/server/email-address.ts'
import { readPendingEmail, rememberPendingEmail } from '$lib/server/pending-email.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = ({ cookies }) => ({ email: readPendingEmail(cookies) })

export const actions: Actions = {
  default: async (event) => {
    const form = await readForm(event.request)
    const email = textField(form, 'email').trim()
    if (!looksLikeEmail(email)) {
      return fail(400, { email, sent: false, message: 'Enter the e-mail address of your account.' })
    }
    const decision = await event.locals.app.limits.check('verifyEmail', [
      { policy: 'verifyEmail', address: event.locals.address },
      { policy: 'verifyEmail', email },
    ])
    if (!decision.allowed) return refuseOverLimit(event, decision, { email, sent: false })
    await event.locals.auth.resendVerification(email)
    rememberPendingEmail(event, email)
    return {
      email,
      sent: true,
      message: 'If that address still needs confirming, a new mail is on its way.',
    }
  },
}
