/** An API token, which can be limited to KV, or the key and e-mail of a user, which can do everything. */
export type KVHttpAuth =
  | { readonly apiToken: string; readonly apiKey?: never; readonly email?: never }
  | { readonly apiKey: string; readonly email: string; readonly apiToken?: never }

export type Environment = Readonly<Record<string, string | undefined>>

/** Whom a request is from. Nothing prints it. */
export class Credentials {
  readonly accountId: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #secrets: readonly string[]

  constructor(
    accountId: string,
    headers: Readonly<Record<string, string>>,
    secrets: readonly string[],
  ) {
    this.accountId = accountId
    this.#headers = headers
    this.#secrets = secrets
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#headers
  }

  /** Takes secrets out of a text that somebody else wrote. */
  scrub(text: string): string {
    let scrubbed = text
    for (const secret of this.#secrets) {
      for (const form of [secret, encodeURIComponent(secret)]) {
        scrubbed = scrubbed.replaceAll(form, '[secret]')
      }
    }
    return scrubbed
  }
}

export interface CredentialOptions {
  readonly accountId?: string | undefined
  readonly auth?: KVHttpAuth | undefined
  readonly env: Environment
}

/** @throws {TypeError} Naming what is missing, or what cannot be. Never with its value. */
export function resolveCredentials(action: string, options: CredentialOptions): Credentials {
  const { env } = options
  const accountId = options.accountId ?? readVariable(env, 'CLOUDFLARE_ACCOUNT_ID')
  if (accountId === undefined) {
    throw new TypeError(
      `Cannot ${action}: accountId or CLOUDFLARE_ACCOUNT_ID must be set, received neither`,
    )
  }
  assertPathPart(action, 'accountId', accountId)
  const { apiToken, apiKey, email } = options.auth ?? fromEnvironment(action, env)
  if (apiToken !== undefined) {
    assertHeaderText(action, 'the API token', apiToken)
    return new Credentials(accountId, { authorization: `Bearer ${apiToken}` }, [apiToken])
  }
  assertHeaderText(action, 'the API key', apiKey)
  assertHeaderText(action, 'the e-mail of the API key', email)
  return new Credentials(accountId, { 'x-auth-key': apiKey, 'x-auth-email': email }, [
    apiKey,
    email,
  ])
}

function fromEnvironment(action: string, env: Environment): KVHttpAuth {
  const apiToken = readVariable(env, 'CLOUDFLARE_API_TOKEN')
  const apiKey = readVariable(env, 'CLOUDFLARE_API_KEY')
  const email = readVariable(env, 'CLOUDFLARE_EMAIL')
  if (apiToken !== undefined) return { apiToken }
  if (apiKey !== undefined && email !== undefined) return { apiKey, email }
  if (apiKey !== undefined) {
    throw new TypeError(
      `Cannot ${action}: CLOUDFLARE_EMAIL must be set beside CLOUDFLARE_API_KEY, received none`,
    )
  }
  const received = email === undefined ? 'none of them' : 'CLOUDFLARE_EMAIL alone'
  throw new TypeError(
    `Cannot ${action}: auth, CLOUDFLARE_API_TOKEN, or CLOUDFLARE_API_KEY with CLOUDFLARE_EMAIL must be set, received ${received}`,
  )
}

/** What cannot be in a header would be in the error of the HTTP client. */
function assertHeaderText(action: string, what: string, text: unknown): asserts text is string {
  if (typeof text === 'string' && /^[\x21-\x7e]+$/.test(text)) return
  const received =
    typeof text === 'string' ? `${text.length} characters with others among them` : typeof text
  throw new TypeError(
    `Cannot ${action}: ${what} must be visible ASCII characters without spaces, received ${received}`,
  )
}

/** An id goes into a path, where `..` and `/` would lead elsewhere. */
export function assertPathPart(action: string, name: string, value: unknown): void {
  if (typeof value === 'string' && /^[\w-]+$/.test(value)) return
  const received = typeof value === 'string' ? JSON.stringify(value) : typeof value
  throw new TypeError(
    `Cannot ${action}: ${name} must be letters, digits, "-" and "_", received ${received}`,
  )
}

/** A variable that is set to nothing is not set. */
function readVariable(env: Environment, name: string): string | undefined {
  const value = env[name]
  return value === '' ? undefined : value
}
