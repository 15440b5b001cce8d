import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

/** Test files run in processes of their own, so what they saw is kept in a file. */
function secretsFile(): string {
  return join(inject('stateDirectory'), 'seen-secrets')
}

/** Notes a bearer token that the site gave to a visitor, for the scan at the end of the run. */
export function noteSecret(secret: string): void {
  if (secret !== '') appendFileSync(secretsFile(), `${secret}\n`)
}

/** Every bearer token that a visitor of this run was given, as it was sent. */
export function seenSecrets(): readonly string[] {
  return [...new Set(readFileSync(secretsFile(), 'utf8').split('\n'))].filter((line) => line !== '')
}

/**
 * The forms in which a token may be written down: as it was sent, decoded, of a session's token and its sealed copy also each
 * part that is secret (`v1.{keyId}.{userRef}.{secret}.{mac}`, of which the first three are not), and all of these
 * percent-encoded.
 */
export function formsOfSecret(secret: string): readonly string[] {
  const decoded = decodeURIComponent(secret)
  const parts = decoded.startsWith('v1.') ? decoded.split('.').slice(3) : []
  const forms = [secret, decoded, ...parts].flatMap((form) => [form, encodeURIComponent(form)])
  return [...new Set(forms)]
}
