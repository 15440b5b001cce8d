import { redirect } from '@sveltejs/kit'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = () => {
  redirect(303, '/')
}

export const actions: Actions = {
  default: async ({ locals, request }) => {
    const { setCookies } = await locals.auth.signOut(request.headers)
    locals.setCookies.push(...setCookies)
    redirect(303, '/')
  },
}
