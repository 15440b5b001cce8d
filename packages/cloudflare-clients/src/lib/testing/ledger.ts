import { type KVOperationCounts, priceKVOperations } from '../kv/kv-prices.ts'
import type { KVOperation } from '../kv/metered-kv.ts'

/** What was billed, and its marginal price. */
export interface KVBillItem {
  /** Billed operations: a bulk read counts every distinct key. */
  readonly operations: KVOperationCounts
  /** Calls: a bulk read counts once. */
  readonly calls: KVOperationCounts
  /** Their marginal price in dollars, without what a plan includes and without storage. */
  readonly dollars: number
}

export interface KVBill extends KVBillItem {
  readonly byLocation: Readonly<Record<string, KVBillItem>>
  readonly byNamespace: Readonly<Record<string, KVBillItem>>
}

/** One billed call. */
export interface SimulatedOperation extends KVOperation {
  readonly location: string
  readonly namespace: string
  /** The key that is read or written, the keys of a bulk read, the prefix of a list. */
  readonly names: readonly string[]
  readonly atMs: number
}

type Counts = Record<KVOperation['type'], number>

interface Account {
  readonly operations: Counts
  readonly calls: Counts
}

function createCounts(): Counts {
  return { read: 0, write: 0, delete: 0, list: 0 }
}

function toItem({ operations, calls }: Account): KVBillItem {
  return {
    operations: { ...operations },
    calls: { ...calls },
    dollars: priceKVOperations(operations),
  }
}

/** Counts what is billed. */
export class Ledger {
  #total: Account = { operations: createCounts(), calls: createCounts() }
  readonly #byLocation = new Map<string, Account>()
  readonly #byNamespace = new Map<string, Account>()

  get operations(): KVOperationCounts {
    return { ...this.#total.operations }
  }

  add({ type, keys, location, namespace }: SimulatedOperation): void {
    const accounts = [
      this.#total,
      findAccount(this.#byLocation, location),
      findAccount(this.#byNamespace, namespace),
    ]
    for (const { operations, calls } of accounts) {
      operations[type] += keys
      calls[type] += 1
    }
  }

  bill(): KVBill {
    const toItems = (accounts: Map<string, Account>): Record<string, KVBillItem> =>
      Object.fromEntries([...accounts].map(([name, account]) => [name, toItem(account)]))
    return {
      ...toItem(this.#total),
      byLocation: toItems(this.#byLocation),
      byNamespace: toItems(this.#byNamespace),
    }
  }

  reset(): void {
    this.#total = { operations: createCounts(), calls: createCounts() }
    this.#byLocation.clear()
    this.#byNamespace.clear()
  }
}

function findAccount(accounts: Map<string, Account>, name: string): Account {
  const known = accounts.get(name)
  if (known !== undefined) return known
  const account = { operations: createCounts(), calls: createCounts() }
  accounts.set(name, account)
  return account
}
