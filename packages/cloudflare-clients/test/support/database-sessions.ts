import { SessionCacheClient } from '../../src/session.ts'
import type { ContractIsolate, ContractPlace } from '../../src/testing.ts'

interface Row {
  readonly id: string
  readonly userId: string
  readonly expiresAtMs: number
}

/** Sessions in a database that all locations share, with `SessionCacheClient` in front, used as its documentation says. */
export class DatabaseSessions {
  readonly #rows = new Map<string, Row>()
  readonly #lifetimeMs: number

  constructor(lifetimeMs: number) {
    this.#lifetimeMs = lifetimeMs
  }

  open({ kv, now, reach }: ContractPlace, maxTtlSeconds: number): ContractIsolate {
    const cache = new SessionCacheClient(kv, { maxTtlSeconds, now, onEvent: () => undefined })
    const query = <T>(work: () => T): Promise<T> => reach(() => Promise.resolve(work()))
    const deleteRows = (isMeant: (row: Row, token: string) => boolean): Promise<void> =>
      query(() => {
        for (const [token, row] of this.#rows) if (isMeant(row, token)) this.#rows.delete(token)
      })
    return {
      signIn: async (userId) => {
        const token = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) =>
          byte.toString(16).padStart(2, '0'),
        ).join('')
        const row = { id: crypto.randomUUID(), userId, expiresAtMs: now() + this.#lifetimeMs }
        await query(() => this.#rows.set(token, row))
        return token
      },
      validate: async (token) => {
        if (token === null || token === '') return null
        const cached = await cache.get(token)
        if (cached !== null) return { id: cached.session.id, userId: cached.user.id }
        const row = await query(() => this.#rows.get(token))
        if (row === undefined || now() >= row.expiresAtMs) return null
        const { id, userId } = row
        const expiresAt = new Date(row.expiresAtMs).toISOString()
        await cache.set(token, {
          session: { id, userId, token, expiresAt },
          user: { id: userId, email: 'a@b.c', name: 'A', role: 'customer', emailVerified: true },
        })
        return { id, userId }
      },
      destroy: async (token) => {
        await deleteRows((_, known) => known === token)
        await cache.delete(token)
      },
      destroyAll: async (userId) => {
        await deleteRows((row) => row.userId === userId)
        await cache.deleteUserSessions(userId)
      },
      destroyOthers: async (userId, except) => {
        await deleteRows((row, token) => row.userId === userId && token !== except)
        await cache.deleteUserSessions(userId)
      },
      list: (userId) =>
        query(() =>
          [...this.#rows.values()].filter((row) => row.userId === userId).map(({ id }) => id),
        ),
    }
  }
}
