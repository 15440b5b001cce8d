import { json } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import errorPage from '../../../error.html?raw'
import { problem } from '../problem.ts'
import { type Asking, isClosed } from './site-answers.ts'

/** When to come back. Nobody knows: soon enough to notice, and late enough to be no load. */
const retryAfterSeconds = 120

/** What stays open: owners must get in to open the site again, and development needs its tools. */
const openRoutes = /^\/(?:\(site\)\/\(auth\)\/sign-(?:in|out)|dev)(?:\/|$)/

const message = 'We are doing some work on the site. Everything of yours is safe; come back soon.'

type ClosedEvent = Pick<RequestEvent, 'isDataRequest' | 'request' | 'route'>

/** The answer to a request while the site is closed for who asks; `null` where it is open. */
export function refuseWhileClosed(event: ClosedEvent, asking: Asking): Response | null {
  const routeId = event.route.id ?? ''
  if (openRoutes.test(routeId) || !isClosed(asking)) return null
  const response = closedResponse(event, routeId)
  response.headers.set('retry-after', String(retryAfterSeconds))
  response.headers.set('cache-control', 'no-store')
  return response
}

function closedResponse({ request, isDataRequest }: ClosedEvent, routeId: string): Response {
  // Scripts of an open page ask for data, and send forms: they show the error in their frame.
  if (isDataRequest) return json({ message }, { status: 503 })
  if (request.headers.has('x-sveltekit-action')) {
    return json({ type: 'error', error: { message }, status: 503 }, { status: 503 })
  }
  const wantsPage = request.headers.get('accept')?.includes('text/html') ?? true
  if (routeId.startsWith('/api/') || !wantsPage) return problem(503, message)
  return new Response(page, {
    status: 503,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })
}

/** As SvelteKit's own page of last resort looks, which is a file that it fills. */
const [look = ''] = /<style>.*?<\/style>/s.exec(errorPage) ?? []

/** Made of nothing that could be down: no database, no scripts, no other file. */
const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="robots" content="noindex" />
    <title>We will be right back</title>
    ${look}
    <style>
      .faint { color: #5c666b; font-size: 0.9rem; }
      @media (prefers-color-scheme: dark) {
        .faint { color: #9aa5a9; }
      }
    </style>
  </head>
  <body>
    <main>
      <h1>We will be right back</h1>
      <p>${message}</p>
      <p><a href="">Try again</a></p>
      <p class="faint">Is this site yours? <a href="/sign-in?next=%2Fadmin%2Fflags">Sign in</a></p>
    </main>
  </body>
</html>
`
