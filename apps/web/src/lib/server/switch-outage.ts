import { error, json } from '@sveltejs/kit'
import type { OutageSwitch } from './faulty-kv.ts'

/** Sets the switch to what a request says: `{ "on": true }` or `{ "on": false }`. 404 where there is no switch. */
export async function switchOutage(
  outage: OutageSwitch | null,
  request: Request,
): Promise<Response> {
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
