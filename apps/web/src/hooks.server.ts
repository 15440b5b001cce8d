import type { Handle, HandleServerError } from '@sveltejs/kit'
import { toSignedInUser } from '@codex/auth'
import { toServerTiming } from '@codex/cloudflare-clients/cache'
import type { FlagReadiness } from '@codex/cloudflare-clients/feature-flags'
import { clientIp, sharedIdentifier } from '@codex/cloudflare-clients/rate-limiter'
import { createOperationCounts, formatOperations } from '@codex/core-services'
import type { OperationCounts } from '@codex/core-services'
import { AppRegistry } from '$lib/server/app.ts'
import { setCachePolicy } from '$lib/server/cache-policy.ts'
import { calmAuth } from '$lib/server/calm-auth.ts'
import { refuseWhileClosed } from '$lib/server/flags/maintenance.ts'
import { describeError, log } from '$lib/server/log.ts'
import { problem } from '$lib/server/problem.ts'
import { setSecurityHeaders } from '$lib/server/security-headers.ts'

const apps = new AppRegistry()

/** Routes that serve no person: they must answer when sessions cannot be looked up and when the site is closed, and cost nothing. */
const routesWithoutSession = new Set([
  '/healthz',
  '/webhooks/stripe',
  '/api/config/[...path]',
  '/dev/kv-outage',
  '/dev/d1-outage',
  '/dev/limiter-outage',
  '/dev/session-outage',
  '/dev/flag-outage',
])

/** Pages that depend on a role, which may have just changed, or list whose devices there are. */
const exactRoutes = /^\/\(site\)\/(?:account|admin|studio)(?:\/|$)/

const unavailableRetrySeconds = 30

type Event = Parameters<Handle>[0]['event']

export const handle: Handle = async ({ event, resolve }) => {
  if (!event.platform) throw new Error('This app runs on Cloudflare Workers only')
  const { env, ctx } = event.platform
  const app = apps.get(env)
  const origin = app.originOf(event.url)
  const routeId = event.route.id
  const counts = createOperationCounts()
  const flagCounts = createOperationCounts()
  // Not narrowed to null: it is set within a callback.
  let flagReadiness = null as FlagReadiness | null
  event.locals.app = app
  event.locals.auth = calmAuth(app.authFor(origin))
  event.locals.origin = origin
  event.locals.session = null
  event.locals.sessionUnavailable = false
  event.locals.cacheReads = []
  // Those without an address of their own share one limit: a site that refused them would lose people for a header.
  event.locals.address = sharedIdentifier(
    clientIp(event.request, {
      // Only development has no Cloudflare in front of it.
      socketAddress: () => (app.development ? event.getClientAddress() : null),
    }),
  )

  const respond = async (): Promise<Response> =>
    routeId?.startsWith('/api/') ? serveApi(event, async () => resolve(event)) : resolve(event)
  const serve = async (): Promise<Response> => {
    if (routesWithoutSession.has(routeId ?? '')) return respond()
    // Counted apart: who happens to renew what all requests of the isolate share is chance.
    const flagsReady = app.meter.runApart(flagCounts, () => app.flags.client.ready())
    return app.sessions.handle({
      event,
      resolve: async () => {
        const [flags] = await Promise.all([flagsReady, lookUpSession(event)])
        flagReadiness = flags
        const asking = { flags: app.flags.client, session: event.locals.session }
        return refuseWhileClosed(event, asking) ?? respond()
      },
    })
  }
  const { cacheReads } = event.locals
  const answer = await app.meter.run(counts, () =>
    app.cacheReads.run(cacheReads, () => app.background.run(ctx, serve)),
  )

  const response = withMutableHeaders(answer)
  setSecurityHeaders(response.headers, { https: event.url.protocol === 'https:' })
  setCachePolicy(response, {
    routeId,
    method: event.request.method,
    hasCookies: event.request.headers.has('cookie'),
  })
  if (response.status === 503 && !response.headers.has('retry-after')) {
    response.headers.set('retry-after', String(unavailableRetrySeconds))
  }
  const serverTiming = toServerTiming(cacheReads)
  if (serverTiming !== '') response.headers.set('server-timing', serverTiming)
  if (env.ENVIRONMENT !== 'production') {
    response.headers.set('x-codex-operations', formatOperations(counts))
    if (flagReadiness)
      response.headers.set('x-codex-flags', describeFlags(flagReadiness, flagCounts))
  }
  return response
}

export const handleError: HandleServerError = ({ error, event, status, message }) => {
  if (status < 500) return { message }
  const id = crypto.randomUUID()
  log('error', 'request_failed', {
    id,
    status,
    method: event.request.method,
    route: event.route.id,
    error: describeError(error),
  })
  return { message: 'Something went wrong on our side.', id }
}

/** A session that cannot be looked up is not the same as none: pages then answer 503 and nobody is signed out. */
async function lookUpSession({ locals, request, route }: Event): Promise<void> {
  const { sessions, app } = locals
  // A visitor without a cookie has none, and their pages stay public.
  if (sessions.token === null) return
  const isChange = !['GET', 'HEAD', 'OPTIONS'].includes(request.method)
  const isExact = isChange || exactRoutes.test(route.id ?? '')
  try {
    const session = await sessions.get(isExact ? { freshness: app.sessions.exact } : {})
    if (session === null) return
    const { id, authenticatedAtMs } = session
    locals.session = { id, authenticatedAtMs, user: toSignedInUser(session) }
  } catch (error) {
    locals.sessionUnavailable = true
    log('error', 'session_lookup_failed', { route: route.id, error: describeError(error) })
  }
}

/** `ready version=3 kv.read=0 do.request=1` */
function describeFlags(
  { status, version }: FlagReadiness,
  { kv, durableObjects }: OperationCounts,
): string {
  return `${status} version=${version} kv.read=${kv.reads} do.request=${durableObjects.requests}`
}

/** Answers a call of the API within its limit, and says in each answer what is left of it. */
async function serveApi(
  { locals }: Event,
  resolveRoute: () => Promise<Response>,
): Promise<Response> {
  if (locals.sessionUnavailable) {
    return problem(503, 'We cannot look up who you are right now. Try again in a moment.')
  }
  const { session, address, app } = locals
  const decision = await app.limits.check('api', [
    { policy: 'api', ...(session ? { userId: session.user.id } : { address }) },
  ])
  if (!decision.allowed) return decision.toResponse()
  const response = withMutableHeaders(await resolveRoute())
  for (const [name, value] of Object.entries(decision.headers)) response.headers.set(name, value)
  return response
}

/** Responses that came from elsewhere, such as a redirect or a fetched one, do not let their headers be set. */
function withMutableHeaders(response: Response): Response {
  return new Response(response.body, response)
}
