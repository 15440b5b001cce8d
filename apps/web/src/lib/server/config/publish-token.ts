/** The token in wrangler.jsonc, which everybody can read. */
const developmentToken = 'development-only-token-to-publish-configurations'

const minLength = 32

export interface PublishTokenEnv {
  readonly ENVIRONMENT: string
  /** Not set where nobody is to publish over HTTP. */
  readonly CONFIG_PUBLISH_TOKEN?: string | undefined
}

export type PublishToken =
  | { readonly ok: true; readonly token: string }
  /** `reason`: what is wrong with one that is set, for the log. It does not hold it. */
  | { readonly ok: false; readonly reason?: string }

/** What publishers have to send. The site does without one: a wrong one must not keep it from starting. */
export function readPublishToken({
  ENVIRONMENT,
  CONFIG_PUBLISH_TOKEN: token = '',
}: PublishTokenEnv): PublishToken {
  if (token === '') return { ok: false }
  if (token.length < minLength) {
    return {
      ok: false,
      reason: `CONFIG_PUBLISH_TOKEN must have ${minLength} characters or more, received ${token.length}`,
    }
  }
  if (ENVIRONMENT !== 'development' && token === developmentToken) {
    return { ok: false, reason: 'CONFIG_PUBLISH_TOKEN must not be the token of development' }
  }
  return { ok: true, token }
}
