import { fail, redirect } from '@sveltejs/kit'
import { passwordLength } from '@codex/auth'
import { deviceName } from '$lib/device-name.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import { requireSession } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = async (event) => {
  const { user } = requireSession(event)
  const { auth, app, sessions } = event.locals
  const listed = await auth.listSessions(user.id, sessions)
  return {
    passwordLength,
    // On KV alone what is done to a session is seen elsewhere later.
    endsAtOnce: app.sessions.exact === 'strict',
    sessions: listed.map(({ id, current, device, ipPrefix, createdAtMs, lastSeenAtMs }) => ({
      id,
      current,
      device: deviceName(device),
      network: ipPrefix ?? null,
      createdAt: new Date(createdAtMs),
      lastSeenAt: new Date(lastSeenAtMs),
    })),
  }
}

export const actions: Actions = {
  changePassword: async (event) => {
    const { user } = requireSession(event)
    const { app, auth, sessions } = event.locals
    const form = await readForm(event.request)
    // The same limit as signing in: this form, too, tells whether a password is right.
    const account = { policy: 'login', email: user.email } as const
    const decision = await app.limits.check('login', [account])
    if (!decision.allowed)
      return refuseOverLimit(event, decision, { about: 'password', reason: 'limited' })
    const result = await auth.changePassword(
      {
        currentPassword: textField(form, 'currentPassword'),
        newPassword: textField(form, 'newPassword'),
      },
      sessions,
    )
    if (!result.ok) {
      if (result.reason === 'not_signed_in') redirect(303, '/sign-in?next=/account')
      return fail(400, { about: 'password', reason: result.reason, message: result.message })
    }
    await app.limits.forgive(account)
    // To a fresh page, with the new token.
    redirect(303, '/account?changed')
  },

  revoke: async (event) => {
    const { id, user } = requireSession(event)
    const form = await readForm(event.request)
    const sessionId = textField(form, 'sessionId')
    if (sessionId === id) {
      return fail(400, { about: 'sessions', reason: '', message: 'To end this session, sign out.' })
    }
    const revoked = await event.locals.auth.revokeSession({ userId: user.id, sessionId })
    return {
      about: 'sessions',
      reason: '',
      message: revoked ? 'That device is signed out.' : 'That session had ended already.',
    }
  },

  revokeOthers: async (event) => {
    const { user } = requireSession(event)
    const { auth, sessions } = event.locals
    await auth.revokeOtherSessions(user.id, sessions)
    return { about: 'sessions', reason: '', message: 'Every other device is signed out.' }
  },
}
