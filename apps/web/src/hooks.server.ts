import type { Handle, HandleServerError } from '@sveltejs/kit'
import type { Auth } from '@codex/auth'
import { toServerTiming } from '@codex/cloudflare-clients/cache'
import { clientIp, sharedIdentifier } from '@codex/cloudflare-clients/rate-limiter'
import { createOperationCounts, formatOperations } from '@codex/core-services'
import { AppRegistry } from '$lib/server/app.ts'
import { setCachePolicy } from '$lib/server/cache-policy.ts'
import { calmAuth } from '$lib/server/calm-auth.ts'
import { describeError, log } from '$lib/server/log.ts'
import { problem } from '$lib/server/problem.ts'
import { setSecurityHeaders } from '$lib/server/security-headers.ts'

const apps = new AppRegistry()

/** Routes that serve no person: they must answer when sessions cannot be looked up, and cost nothing. */
const routesWithoutSession = new Set([
  '/healthz',
  '/webhooks/stripe',
  '/dev/kv-outage',
  '/dev/d1-outage',
  '/dev/limiter-outage',
])

const unavailableRetrySeconds = 30

export const handle: Handle = async ({ event, resolve }) => {
  if (!event.platform) throw new Error('This app runs on Cloudflare Workers only')
  const { env, ctx } = event.platform
  const app = apps.get(env)
  const origin = app.originOf(event.url)
  const routeId = event.route.id
  const counts = createOperationCounts()
  event.locals.app = app
  const auth = app.authFor(origin)
  event.locals.auth = calmAuth(auth)
  event.locals.origin = origin
  event.locals.session = null
  event.locals.sessionUnavailable = false
  event.locals.setCookies = []
  event.locals.cacheReads = []
  // Those without an address of their own share one limit: a site that refused them would lose people for a header.
  event.locals.address = sharedIdentifier(
    clientIp(event.request, {
      // Only development has no Cloudflare in front of it.
      socketAddress: () => (app.development ? event.getClientAddress() : null),
    }),
  )

  const serve = async (): Promise<Response> => {
    if (!routesWithoutSession.has(routeId ?? '')) await lookUpSession(event, auth)
    return routeId?.startsWith('/api/')
      ? await serveApi(event, async () => resolve(event))
      : await resolve(event)
  }
  const { cacheReads } = event.locals
  const answer = await app.meter.run(counts, () =>
    app.cacheReads.run(cacheReads, () => app.background.run(ctx, serve)),
  )

  const response = withMutableHeaders(answer)
  for (const cookie of event.locals.setCookies) response.headers.append('set-cookie', cookie)
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

type Event = Parameters<Handle>[0]['event']

/** A session that cannot be looked up is not the same as none: pages then answer 503 and nobody is signed out. */
async function lookUpSession(event: Event, auth: Auth): Promise<void> {
  try {
    const { setCookies } = event.locals
    event.locals.session = await auth.getSession(event.request.headers, {
      onSetCookie: (cookie) => {
        setCookies.push(cookie)
      },
    })
  } catch (error) {
    event.locals.sessionUnavailable = true
    log('error', 'session_lookup_failed', { route: event.route.id, error: describeError(error) })
  }
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
