import {
  newPerson,
  type Person,
  sampleUser,
  signIn,
  signUp,
  SiteClient,
  type SiteClientOptions,
  verifyByMail,
} from '@codex/local-stack'
import { expect, inject } from 'vitest'
import { noteSecret } from './seen-secrets.ts'

/** A visitor of the site of this run, with an address of its own. */
export function visitor(options: SiteClientOptions = {}): SiteClient {
  return new SiteClient(inject('siteUrl'), { onSecret: noteSecret, ...options })
}

/** Makes an account, confirms its address and signs in. */
export async function signedInPerson(name = 'Nora Vale'): Promise<{
  readonly client: SiteClient
  readonly person: Person
}> {
  const client = visitor()
  const person = newPerson(name)
  expect((await signUp(client, person)).location).toBe('/check-mail')
  expect((await verifyByMail(client, person.email)).location).toBe('/sign-in?verified=1')
  expect((await signIn(client, person)).status).toBe(303)
  return { client, person }
}

/** Signs in one of the sample users, such as `ada` (a creator) or `grace` (the owner). */
export async function signedInSample(name: string): Promise<SiteClient> {
  const client = visitor()
  const response = await signIn(client, sampleUser(name))
  expect(response.status, response.text).toBe(303)
  return client
}
