/** The secret in wrangler.jsonc, which everybody can read: whoever has it can sign the cookie of any session. */
const developmentSecret = 'development-only-secret-of-32-characters'

/** @throws {TypeError} When an environment other than development has no secret, or development's. */
export function assertOwnSecret({
  ENVIRONMENT,
  AUTH_SECRET,
}: {
  readonly ENVIRONMENT: string
  readonly AUTH_SECRET: string | undefined
}): void {
  if (ENVIRONMENT === 'development') return
  if (!AUTH_SECRET) throw new TypeError('Cannot start: AUTH_SECRET must be set')
  if (AUTH_SECRET === developmentSecret) {
    throw new TypeError('Cannot start: AUTH_SECRET must not be the secret of development')
  }
}
