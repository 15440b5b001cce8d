import { fail, redirect } from '@sveltejs/kit'
import { passwordLength } from '@codex/auth'
import { deviceName } from '$lib/device-name.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { refuseOverLimit } from '$lib/server/refuse.ts'
import { requireSession } from '$lib/server/require-user.ts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = async (event) => {
  const { session, user } = requireSession(event)
  const sessions = await event.locals.auth.listSessions(user.id)
  return {
    passwordLength,
    sessions: sessions.map(({ id, createdAt, lastUsedAt, ipAddress, userAgent }) => ({
      id,
      current: id === session.id,
      device: deviceName(userAgent),
      address: ipAddress ?? null,
      createdAt: new Date(createdAt),
      lastUsedAt: new Date(lastUsedAt),
    })),
  }
}

export const actions: Actions = {
  changePassword: async (event) => {
    const { user } = requireSession(event)
    const { app, auth, setCookies } = event.locals
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
      event.request.headers,
    )
    if (!result.ok) {
      if (result.reason === 'not_signed_in') redirect(303, '/sign-in?next=/account')
      return fail(400, { about: 'password', reason: result.reason, message: result.message })
    }
    setCookies.push(...result.setCookies)
    await app.limits.forgive(account)
    // To a fresh page, because the session that this one was loaded with is gone.
    redirect(303, '/account?changed')
  },

  revoke: async (event) => {
    const { session, user } = requireSession(event)
    const form = await readForm(event.request)
    const sessionId = textField(form, 'sessionId')
    if (sessionId === session.id) {
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
    const { session, user } = requireSession(event)
    const { auth } = event.locals
    const others = (await auth.listSessions(user.id)).filter(({ id }) => id !== session.id)
    await Promise.all(
      others.map(({ id }) => auth.revokeSession({ userId: user.id, sessionId: id })),
    )
    return { about: 'sessions', reason: '', message: 'Every other device is signed out.' }
  },
}
