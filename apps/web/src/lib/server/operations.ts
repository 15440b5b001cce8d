import { AsyncLocalStorage } from 'node:async_hooks'

/** Billed operations by kind. */
export interface OperationCounts {
  'kv.read': number
  'kv.write': number
  'kv.delete': number
  'kv.list': number
  'd1.query': number
}

export type OperationType = keyof OperationCounts

/** Counts of nothing yet. */
export function createOperationCounts(): OperationCounts {
  return { 'kv.read': 0, 'kv.write': 0, 'kv.delete': 0, 'kv.list': 0, 'd1.query': 0 }
}

/** Writes counts as `kv.read=1 kv.write=0 kv.delete=0 kv.list=0 d1.query=0`. */
export function formatOperations(counts: Readonly<OperationCounts>): string {
  return Object.entries(counts)
    .map(([type, count]) => `${type}=${String(count)}`)
    .join(' ')
}

/**
 * Counts the operations of every request apart, and all of them together since the isolate started.
 *
 * Clients are built once per isolate and serve many requests at a time, so a count finds its request through
 * AsyncLocalStorage. What happens outside of a request counts into the totals only.
 */
export class OperationLedger {
  readonly totals: OperationCounts = createOperationCounts()
  readonly startedAtMs: number
  #requests = 0
  readonly #current = new AsyncLocalStorage<OperationCounts>()

  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.startedAtMs = now()
  }

  /** How many requests have been run since the isolate started. */
  get requests(): number {
    return this.#requests
  }

  /** Runs `work` with its operations counted into `counts`, also those it does after awaiting. */
  run<Result>(counts: OperationCounts, work: () => Result): Result {
    this.#requests += 1
    return this.#current.run(counts, work)
  }

  add(type: OperationType, count: number): void {
    this.totals[type] += count
    const current = this.#current.getStore()
    if (current) current[type] += count
  }
}
