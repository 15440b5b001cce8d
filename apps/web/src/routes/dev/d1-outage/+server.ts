import { switchOutage } from '$lib/server/switch-outage.ts'
import type { RequestHandler } from './$types'

/** Development only: `{ "on": true }` makes every query of this isolate fail until `{ "on": false }`. */
export const POST: RequestHandler = ({ locals, request }) =>
  switchOutage(locals.app.outages?.d1 ?? null, request)
