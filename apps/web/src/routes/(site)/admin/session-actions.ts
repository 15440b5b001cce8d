import { fail, redirect } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import { canonicalEmail } from '$lib/server/canonical-email.ts'
import { log } from '$lib/server/log.ts'
import { readForm, textField } from '$lib/server/read-form.ts'
import { requireOwner, requireRecentSignIn } from '$lib/server/require-user.ts'

/** What has to be typed to sign everyone out. */
const confirmation = 'everyone'

/** Actions of the owner on the sessions of others. */
export const sessionActions = {
  signOutUser: async (event: RequestEvent) => {
    const owner = requireOwner(event)
    requireRecentSignIn(event)
    const { app, auth } = event.locals
    const who = textField(await readForm(event.request), 'who').trim()
    const user = await app.database.query.users.findFirst({
      columns: { id: true, name: true },
      where: (users, { eq }) =>
        who.includes('@') ? eq(users.email, canonicalEmail(who)) : eq(users.id, who),
    })
    if (!user) return answer('Nobody has an account with that e-mail or id.', 404)
    const count = await auth.signOutUser(user.id)
    log('info', 'user_signed_out', { by: owner.id, userId: user.id, count })
    if (count === 0) return answer(`${user.name} was signed in nowhere.`)
    const devices = count === 1 ? '1 device' : `${String(count)} devices`
    return answer(`${user.name} is signed out of ${devices}.`)
  },

  signOutEveryone: async (event: RequestEvent) => {
    const owner = requireOwner(event)
    requireRecentSignIn(event)
    const { app, auth } = event.locals
    if (app.sessions.exact !== 'strict') {
      return answer('Sessions are in KV alone here: nobody can sign everyone out.', 502)
    }
    const typed = textField(await readForm(event.request), 'confirmation')
      .trim()
      .toLowerCase()
    if (typed !== confirmation) return answer(`Type “${confirmation}” to confirm.`, 400)
    log('warn', 'everyone_signed_out', { by: owner.id })
    await auth.signOutEveryone()
    // The owner, too.
    redirect(303, '/sign-in?next=%2Fadmin')
  },
}

function answer(message: string, status = 200) {
  const failed = status !== 200
  const result = {
    about: 'sessions',
    failed,
    message,
    errors: {} as Readonly<Record<string, string>>,
  }
  return failed ? fail(status, result) : result
}
