/** Operations on the bindings, as they are billed. */
export interface OperationCounts {
  readonly kv: { reads: number; writes: number; deletes: number; lists: number }
  readonly d1: { queries: number }
  readonly durableObjects: { requests: number }
  readonly r2: { reads: number; writes: number; deletes: number; lists: number }
}

/** Counts of nothing yet. */
export function createOperationCounts(): OperationCounts {
  return {
    kv: { reads: 0, writes: 0, deletes: 0, lists: 0 },
    d1: { queries: 0 },
    durableObjects: { requests: 0 },
    r2: { reads: 0, writes: 0, deletes: 0, lists: 0 },
  }
}

/**
 * Writes what a request asked of KV, D1 and Durable Objects as
 * `kv.read=1 kv.write=0 kv.delete=0 kv.list=0 d1.query=0 do.request=0`.
 */
export function formatOperations({ kv, d1, durableObjects }: OperationCounts): string {
  return [
    `kv.read=${kv.reads} kv.write=${kv.writes} kv.delete=${kv.deletes} kv.list=${kv.lists}`,
    `d1.query=${d1.queries} do.request=${durableObjects.requests}`,
  ].join(' ')
}
