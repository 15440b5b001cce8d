import { fail, redirect } from '@sveltejs/kit'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import type { Actions, PageServerLoad } from './$types'

/**
 * Opening the link changes nothing; pressing the button does. Mail scanners open every link, and one that confirmed
 * an address by itself would confirm accounts that somebody else made with it.
 */
export const load: PageServerLoad = ({ url }) => ({ token: url.searchParams.get('token') ?? '' })

const messages = {
  invalid_token:
    'This link does not work, or was used already. If you have confirmed before, just sign in.',
  expired_token: 'This link is too old. Have a new one sent, it takes a moment.',
} as const

export const actions: Actions = {
  default: async (event) => {
    const { app, auth, address } = event.locals
    const form = await readForm(event.request)
    const decision = await app.limits.check('verifyEmail', [{ policy: 'verifyEmail', address }])
    if (!decision.allowed) return refuseOverLimit(event, decision, {})
    const result = await auth.verifyEmail(textField(form, 'token'))
    if (!result.ok) return fail(400, { message: messages[result.reason] })
    redirect(303, '/sign-in?verified=1')
  },
}
