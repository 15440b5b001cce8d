import { json } from '@sveltejs/kit'
import type { RequestHandler } from './$types'

/** Says that the worker runs. It asks nothing of the database or KV, whose outage must not take the site out of rotation. */
export const GET: RequestHandler = () => json({ status: 'ok' })
