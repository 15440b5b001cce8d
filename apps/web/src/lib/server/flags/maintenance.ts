import { json } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
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

/** Made of nothing that could be down: no database, no scripts, no other file. */
const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="robots" content="noindex" />
    <title>We will be right back</title>
    <style>
      body {
        display: grid;
        place-items: center;
        min-height: 100dvh;
        margin: 0;
        padding: 1.5rem;
        box-sizing: border-box;
        background: #f6f7f6;
        color: #14181b;
        font: 1.05rem/1.55 system-ui, sans-serif;
      }
      main { max-width: 34rem; }
      h1 { font-size: clamp(1.9rem, 1.4rem + 2.4vw, 3rem); line-height: 1.1; letter-spacing: -0.03em; }
      a { color: inherit; }
      .faint { color: #5c666b; font-size: 0.9rem; }
      @media (prefers-color-scheme: dark) {
        body { background: #101314; color: #eff2f1; }
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
