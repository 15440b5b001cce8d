import { switchOutage } from '$lib/server/switch-outage.ts'
import type { RequestHandler } from './$types'

/** Development only: `{ "on": true }` makes every call about flags to the coordinator fail in this isolate until `{ "on": false }`. */
export const POST: RequestHandler = ({ locals, request }) =>
  switchOutage(locals.app.outages?.flags ?? null, request)
