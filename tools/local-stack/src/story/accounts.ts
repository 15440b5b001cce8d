import { samplePassword, sampleUsers } from '@codex/database/seed'
import { linkFromMail } from './outbox.ts'
import type { SiteClient, SiteResponse } from './site-client.ts'

/** Someone with an account. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly password: string
}

/** A person nobody has met: the address is new every time. */
export function newPerson(name: string): Person {
  const unique = crypto.randomUUID().slice(0, 8)
  return {
    name,
    email: `${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}-${unique}@people.example`,
    password: `correct horse ${unique}`,
  }
}

/** Someone from the sample data, such as `ada`, a creator, or `grace`, the owner. */
export function sampleUser(name: string): Person & { readonly id: string } {
  const user = sampleUsers.find(({ email }) => email === `${name}@codex.example`)
  if (user === undefined) throw new RangeError(`Cannot find a sample user called "${name}"`)
  return { id: user.id, name: user.name, email: user.email, password: samplePassword }
}

export function signUp(client: SiteClient, person: Person): Promise<SiteResponse> {
  const { name, email, password } = person
  return client.postForm('/sign-up', { name, email, password })
}

/** Opens the newest verification mail and presses its page's button. */
export async function verifyByMail(client: SiteClient, email: string): Promise<SiteResponse> {
  const link = await linkFromMail(client, { to: email, page: '/verify-email' })
  const page = await client.get(link)
  if (page.status !== 200) return page
  return client.postForm('/verify-email', { token: tokenOf(link) })
}

export function signIn(
  client: SiteClient,
  { email, password }: Pick<Person, 'email' | 'password'>,
): Promise<SiteResponse> {
  return client.postForm('/sign-in', { email, password, next: '/library' })
}

/** The token in the link of a mail. */
export function tokenOf(link: string): string {
  const token = new URL(link, 'http://localhost').searchParams.get('token')
  if (token === null) throw new Error('Expected a link with a token')
  return token
}

/** Whether the site treats a visitor as signed in: a personal page is shown instead of the sign-in form. */
export async function isSignedIn(client: SiteClient): Promise<boolean> {
  const response = await client.get('/library')
  if (response.status === 200) return true
  if (response.location?.startsWith('/sign-in')) return false
  throw new Error(`Expected the library or a redirect to sign in, received ${response.status}`)
}
