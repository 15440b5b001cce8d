import { noConfigEndpoint } from '$lib/server/config/config-endpoint.ts'
import type { RequestHandler } from './$types'

/** Programs outside of Workers publish configurations here, with a token: see docs/deploying.md. */
export const fallback: RequestHandler = ({ locals, request }) =>
  locals.app.configEndpoint?.(request) ?? noConfigEndpoint()
