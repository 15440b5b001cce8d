import { fail, redirect } from '@sveltejs/kit'
import { rememberPendingEmail } from '$lib/server/pending-email.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import { requireSessionLookup } from '$lib/server/require-user.ts'
import { safeRedirectPath } from '$lib/server/safe-redirect.ts'
import type { Actions, PageServerLoad } from './$types'

const notices = {
  verified: 'Your address is confirmed. Sign in to begin.',
  reset:
    'Your password is changed, and every older session is signed out. Sign in with the new one.',
} as const

export const load: PageServerLoad = ({ locals, url }) => {
  const next = safeRedirectPath(url.searchParams.get('next'))
  if (locals.session) redirect(303, next)
  return {
    next,
    notice: url.searchParams.has('verified')
      ? notices.verified
      : url.searchParams.has('reset')
        ? notices.reset
        : null,
  }
}

export const actions: Actions = {
  default: async (event) => {
    requireSessionLookup(event)
    const { app, auth, address, sessions } = event.locals
    const form = await readForm(event.request)
    const email = textField(form, 'email').trim()
    const password = textField(form, 'password')
    const remember = form.get('remember') === 'on'
    const next = safeRedirectPath(textField(form, 'next') || event.url.searchParams.get('next'))
    if (!email || !password) {
      return fail(400, {
        email,
        remember,
        reason: 'incomplete',
        message: 'Enter your e-mail and your password.',
      })
    }

    const account = { policy: 'login', email } as const
    const decision = await app.limits.check('login', [{ policy: 'loginAddress', address }, account])
    if (!decision.allowed)
      return refuseOverLimit(event, decision, { email, remember, reason: 'limited' })

    const result = await auth.signIn(
      { email, password, remember },
      { sessions, headers: event.request.headers },
    )
    if (!result.ok) {
      if (result.reason === 'email_not_verified') rememberPendingEmail(event, email)
      return fail(result.reason === 'email_not_verified' ? 403 : 401, {
        email,
        remember,
        reason: result.reason,
        message:
          result.reason === 'email_not_verified'
            ? 'Your address is not confirmed yet. Open the link in the mail we sent you.'
            : 'That e-mail and password do not go together.',
      })
    }
    await app.limits.forgive(account)
    redirect(303, next)
  },
}
