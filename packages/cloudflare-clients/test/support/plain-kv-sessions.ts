import type { ContractIsolate, ContractPlace } from '../../src/testing.ts'

interface PlainSession {
  readonly id: string
  readonly userId: string
  readonly data: unknown
}

/** Sessions as they are often kept in KV: the token is the key, a list for each user, and KV's own expiry. */
export function openPlainKVSessions({ kv, now }: ContractPlace): ContractIsolate {
  const ttlSeconds = 3600
  const read = (token: string): Promise<PlainSession | null> =>
    kv.get<PlainSession>(`session:${token}`, 'json')
  const write = (token: string, session: PlainSession): Promise<void> =>
    kv.put(`session:${token}`, JSON.stringify(session), {
      expiration: Math.floor(now() / 1000) + ttlSeconds,
    })
  const tokensOf = async (userId: string): Promise<string[]> =>
    (await kv.get<string[]>(`user:${userId}`, 'json')) ?? []
  const destroy = (token: string): Promise<void> => kv.delete(`session:${token}`)
  return {
    async signIn(userId, { data = null }) {
      const token = crypto.randomUUID()
      await write(token, { id: crypto.randomUUID(), userId, data })
      await kv.put(`user:${userId}`, JSON.stringify([...(await tokensOf(userId)), token]))
      return token
    },
    async validate(token) {
      const session = await read(token ?? '').catch(() => null)
      if (token !== null && session !== null) await write(token, session)
      return session
    },
    async update(token, data) {
      const session = await read(token)
      if (session !== null) await write(token, { ...session, data })
      return session !== null
    },
    async refresh(token) {
      const session = await read(token)
      if (session !== null) await write(token, session)
      return session !== null
    },
    async rotate(token) {
      const session = await read(token)
      if (session === null) return null
      const rotated = crypto.randomUUID()
      await write(rotated, session)
      await destroy(token)
      return rotated
    },
    destroy,
    async destroyAll(userId) {
      for (const token of await tokensOf(userId)) await destroy(token)
    },
    async destroyOthers(userId, exceptToken) {
      for (const token of await tokensOf(userId)) if (token !== exceptToken) await destroy(token)
    },
    async list(userId) {
      const sessions = await Promise.all((await tokensOf(userId)).map(read))
      return sessions.flatMap((session) => (session === null ? [] : [session.id]))
    },
  }
}
