import { error, json } from '@sveltejs/kit'
import type { RequestHandler } from './$types'

/** Development only: `{ "on": true }` makes every KV call of this isolate fail until `{ "on": false }`. */
export const POST: RequestHandler = async ({ locals, request }) => {
  const { outage } = locals.app
  if (!outage) error(404, { message: 'Not Found' })
  const body: unknown = await request.json().catch(() => null)
  if (
    typeof body !== 'object' ||
    body === null ||
    !('on' in body) ||
    typeof body.on !== 'boolean'
  ) {
    error(400, { message: 'Send {"on": true} or {"on": false}' })
  }
  outage.on = body.on
  return json({ on: outage.on })
}
