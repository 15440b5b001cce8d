import type { LogEvent } from '../stack-log.ts'

/** Operations that Cloudflare bills, as the workers count them. */
export interface Operations {
  readonly kvReads: number
  readonly kvWrites: number
  readonly kvDeletes: number
  readonly kvLists: number
  readonly d1Queries: number
}

/** The same fields by the names that the header and the log lines use. */
const fieldNames = {
  'kv.read': 'kvReads',
  'kv.write': 'kvWrites',
  'kv.delete': 'kvDeletes',
  'kv.list': 'kvLists',
  'd1.query': 'd1Queries',
} as const satisfies Record<string, keyof Operations>

export const noOperations: Operations = {
  kvReads: 0,
  kvWrites: 0,
  kvDeletes: 0,
  kvLists: 0,
  d1Queries: 0,
}

export function addOperations(a: Operations, b: Operations): Operations {
  return {
    kvReads: a.kvReads + b.kvReads,
    kvWrites: a.kvWrites + b.kvWrites,
    kvDeletes: a.kvDeletes + b.kvDeletes,
    kvLists: a.kvLists + b.kvLists,
    d1Queries: a.d1Queries + b.d1Queries,
  }
}

/** Reads `x-codex-operations: kv.read=1 kv.write=0 …`. Returns `null` when the response carries none. */
export function parseOperationsHeader(headers: Headers): Operations | null {
  const header = headers.get('x-codex-operations')
  if (header === null) return null
  const counts = Object.fromEntries(
    header.split(/[\s,;]+/).map((part): [string, unknown] => {
      const [name = '', count] = part.split('=')
      return [name, count]
    }),
  )
  return readCounts(counts)
}

/** The sum over the log lines that count operations, of one worker or of all. */
export function sumLoggedOperations(events: readonly LogEvent[], worker?: string): Operations {
  return events
    .filter((event) => event.event === 'operations')
    .filter((event) => worker === undefined || event.worker === worker)
    .map((event) => readCounts(event))
    .reduce(addOperations, noOperations)
}

function readCounts(counts: Readonly<Record<string, unknown>>): Operations {
  let operations = noOperations
  for (const [name, field] of Object.entries(fieldNames)) {
    const count = Number(counts[name] ?? 0)
    if (Number.isInteger(count)) operations = { ...operations, [field]: count }
  }
  return operations
}

/** `3 KV reads, 1 KV write, 2 D1 queries`, or `no operations`. */
export function describeOperations(operations: Operations): string {
  const parts = [
    [operations.kvReads, 'KV read', 'KV reads'],
    [operations.kvWrites, 'KV write', 'KV writes'],
    [operations.kvDeletes, 'KV delete', 'KV deletes'],
    [operations.kvLists, 'KV list', 'KV lists'],
    [operations.d1Queries, 'D1 query', 'D1 queries'],
  ] as const
  const named = parts
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`)
  return named.length === 0 ? 'no operations' : named.join(', ')
}
