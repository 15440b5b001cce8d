import {
  bearerAuthorization,
  createConfigHandler,
  type ConfigAuthorityNamespace,
} from '@codex/config/publisher'
import { log } from '../log.ts'
import { problem } from '../problem.ts'
import { readPublishToken, type PublishTokenEnv } from './publish-token.ts'

/** What every configuration's name begins with: whoever publishes writes no other key of the namespace. */
const namePrefix = 'config:'

export type ConfigEndpoint = (request: Request) => Promise<Response>

/**
 * Answers publishers outside of Workers at `/api/config`, as `httpConfigAuthority` and `codex-config` ask.
 *
 * @returns `null` where there is no token that would let anybody in, or no coordinator: there is nothing at that address then.
 */
export function createConfigEndpoint(
  authority: ConfigAuthorityNamespace | null,
  env: PublishTokenEnv,
): ConfigEndpoint | null {
  const publishing = readPublishToken(env)
  if (!publishing.ok) {
    const { reason } = publishing
    if (reason !== undefined) log('error', 'publish_token_refused', { reason })
    return null
  }
  if (authority === null) return null
  const authorize = bearerAuthorization({ publisher: publishing.token })
  const handle = createConfigHandler({
    authority,
    basePath: '/api/config',
    // One token serves all, so the history has the name that each of them gives.
    authorize: async (request, target) =>
      target.name.startsWith(namePrefix) && (await authorize(request, target)) !== false,
  })
  return async (request) => {
    const response = await handle(request)
    const { status } = response
    // Not what strangers ask for, who could fill the log.
    if (request.method === 'POST' && (response.ok || status === 409 || status === 422)) {
      log('info', 'config_change', { name: new URL(request.url).searchParams.get('name'), status })
    }
    return response
  }
}

/** What is answered where there is no endpoint. */
export function noConfigEndpoint(): Response {
  return problem(404, 'There is nothing here.')
}
