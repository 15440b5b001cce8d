import { fail } from '@sveltejs/kit'
import { looksLikeEmail } from '$lib/server/email-address.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import type { Actions } from './$types'

export const actions: Actions = {
  default: async (event) => {
    const { app, auth, address } = event.locals
    const form = await readForm(event.request)
    const email = textField(form, 'email').trim()
    if (!looksLikeEmail(email)) {
      return fail(400, { email, sent: false, message: 'Enter the e-mail address of your account.' })
    }
    const decision = await app.limits.check('passwordReset', [
      { policy: 'passwordReset', address },
      { policy: 'passwordReset', email },
    ])
    if (!decision.allowed) return refuseOverLimit(event, decision, { email, sent: false })
    await auth.requestPasswordReset(email)
    return {
      email,
      sent: true,
      message: 'If that address has an account, a mail with a link is on its way.',
    }
  },
}
