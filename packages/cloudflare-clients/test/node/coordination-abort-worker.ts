import { env, waitUntil } from 'cloudflare:workers'
import { CoordinationClient, CounterClient } from '../../src/coordination.ts'

export { CoordinationObject } from '../../src/durable-objects.ts'

const onEvent = (): void => undefined
/** At module scope, as an application has them: shared by all requests. */
const clients: Readonly<Record<string, CoordinationClient>> = {
  anchored: new CoordinationClient(env.COORDINATION, { waitUntil, onEvent }),
  alone: new CoordinationClient(env.COORDINATION, { onEvent }),
}
const counters: Readonly<Record<string, CounterClient>> = {
  anchored: new CounterClient(env.COORDINATION, { waitUntil, batchMs: 500 }),
  alone: new CounterClient(env.COORDINATION, { batchMs: 500, timeoutMs: 500 }),
}
/** How many increments of a name have come in. */
const arrivals = new Map<string, number>()

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const [, variant = '', call = '', name = ''] = pathname.split('/')
    const client = clients[variant]
    const counter = counters[variant]
    if (client === undefined || counter === undefined) return new Response(null, { status: 404 })
    switch (call) {
      case 'lock': {
        const work = async ({ fencingToken }: { fencingToken: number }): Promise<number> => {
          await scheduler.wait(Number(searchParams.get('workMs')))
          return fencingToken
        }
        const options = { ttlMs: 2000, waitMs: 30_000 }
        return Response.json(await client.withLock(name, work, options))
      }
      case 'status':
        return Response.json(await env.COORDINATION.getByName(`lock:${name}`).getStatus())
      case 'increment':
        arrivals.set(name, (arrivals.get(name) ?? 0) + 1)
        await counter.increment(name)
        return Response.json(null)
      case 'arrivals':
        return Response.json(arrivals.get(name) ?? 0)
      case 'count':
        return Response.json(await counter.getCount(name))
      default:
        return new Response(null, { status: 404 })
    }
  },
} satisfies ExportedHandler
