import { LimitAuthority } from '../../src/lib/rate-limiter/limit-authority.ts'
import type { LimitRow } from '../../src/lib/rate-limiter/limit-row.ts'
import type { SimulatedAuthority } from './limit-simulation.ts'

/** The real authority, which after a restart knows what it has written as JSON. */
export function createRestartableAuthority(now: () => number): SimulatedAuthority {
  const rows = new Map<string, string>()
  const storage = {
    load: (key: string): LimitRow | undefined => {
      const text = rows.get(key)
      return text === undefined ? undefined : (JSON.parse(text) as LimitRow)
    },
    save: (key: string, row: LimitRow): void => {
      rows.set(key, JSON.stringify(row))
    },
    delete: (key: string): void => {
      rows.delete(key)
    },
  }
  const start = (): LimitAuthority => new LimitAuthority({ now, storage })
  let authority = start()
  return {
    acquire: (request) => authority.acquire(request),
    checkAll: (requests) => authority.checkAll(requests),
    change: (change) => authority.change(change),
    deleteIdle: () => {
      authority.deleteIdle([...rows.keys()])
    },
    restart: () => {
      authority = start()
    },
  }
}
