import type { Cookies, RequestEvent } from '@sveltejs/kit'

const cookieName = 'codex-pending-email'
const path = '/check-mail'
const maxAgeSeconds = 60 * 60

/** Keeps the address a mail went to for the page that says so: in a cookie, because an address in a link is logged. */
export function rememberPendingEmail(
  { cookies, locals }: Pick<RequestEvent, 'cookies' | 'locals'>,
  email: string,
): void {
  cookies.set(cookieName, email, {
    path,
    maxAge: maxAgeSeconds,
    httpOnly: true,
    sameSite: 'lax',
    secure: !locals.app.development,
  })
}

export function readPendingEmail(cookies: Cookies): string {
  return cookies.get(cookieName) ?? ''
}
