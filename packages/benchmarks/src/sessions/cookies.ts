const name = 'session'

/** The cookie of the ways to keep sessions that have none of their own. */
export function writeCookie(token: string): string {
  return `${name}=${token}; Path=/; HttpOnly; Secure; SameSite=Lax`
}

export function readCookie(cookies: string): string | undefined {
  const pair = cookies.split('; ').find((candidate) => candidate.startsWith(`${name}=`))
  return pair?.slice(name.length + 1)
}
