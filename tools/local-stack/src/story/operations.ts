import type { LogEvent } from '../stack-log.ts'

/** Operations that Cloudflare bills, as the workers count them. */
export interface Operations {
  readonly kvReads: number
  readonly kvWrites: number
  readonly kvDeletes: number
  readonly kvLists: number
  readonly d1Queries: number
  readonly doRequests: number
}

export const noOperations: Operations = {
  kvReads: 0,
  kvWrites: 0,
  kvDeletes: 0,
  kvLists: 0,
  d1Queries: 0,
  doRequests: 0,
}

export function addOperations(a: Operations, b: Operations): Operations {
  return {
    kvReads: a.kvReads + b.kvReads,
    kvWrites: a.kvWrites + b.kvWrites,
    kvDeletes: a.kvDeletes + b.kvDeletes,
    kvLists: a.kvLists + b.kvLists,
    d1Queries: a.d1Queries + b.d1Queries,
    doRequests: a.doRequests + b.doRequests,
  }
}

/** Reads `x-codex-operations: kv.read=1 kv.write=0 …`. Returns `null` when the response carries none. */
export function parseOperationsHeader(headers: Headers): Operations | null {
  const header = headers.get('x-codex-operations')
  if (header === null) return null
  const counts = new Map(
    header.split(' ').map((part): [string, number] => {
      const [name = '', count] = part.split('=')
      return [name, Number(count)]
    }),
  )
  return {
    kvReads: counts.get('kv.read') ?? 0,
    kvWrites: counts.get('kv.write') ?? 0,
    kvDeletes: counts.get('kv.delete') ?? 0,
    kvLists: counts.get('kv.list') ?? 0,
    d1Queries: counts.get('d1.query') ?? 0,
    doRequests: counts.get('do.request') ?? 0,
  }
}

/** The sum over the log lines in which workers say what they spent, of one worker or of all. */
export function sumLoggedOperations(events: readonly LogEvent[], worker?: string): Operations {
  return events
    .filter((event) => event.event === 'operations')
    .filter((event) => worker === undefined || event.worker === worker)
    .map(({ kv, d1, durableObjects }) => ({
      kvReads: countOf(kv, 'reads'),
      kvWrites: countOf(kv, 'writes'),
      kvDeletes: countOf(kv, 'deletes'),
      kvLists: countOf(kv, 'lists'),
      d1Queries: countOf(d1, 'queries'),
      doRequests: countOf(durableObjects, 'requests'),
    }))
    .reduce(addOperations, noOperations)
}

function countOf(counts: unknown, name: string): number {
  if (typeof counts !== 'object' || counts === null) return 0
  const count: unknown = Reflect.get(counts, name)
  return typeof count === 'number' ? count : 0
}

/** `3 KV reads, 1 KV write, 2 D1 queries`, or `no operations`. */
export function describeOperations(operations: Operations): string {
  const parts = [
    [operations.kvReads, 'KV read', 'KV reads'],
    [operations.kvWrites, 'KV write', 'KV writes'],
    [operations.kvDeletes, 'KV delete', 'KV deletes'],
    [operations.kvLists, 'KV list', 'KV lists'],
    [operations.d1Queries, 'D1 query', 'D1 queries'],
    [operations.doRequests, 'Durable Object request', 'Durable Object requests'],
  ] as const
  const named = parts
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`)
  return named.length === 0 ? 'no operations' : named.join(', ')
}
