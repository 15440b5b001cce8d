import type { SessionIsolate, SessionSystem, ViewOutcome } from '@codex/cloudflare-clients/testing'
import { readCookie, writeCookie } from '../cookies.ts'

interface PlainRecord {
  readonly userId: string
  readonly expiresAtMs: number
  readonly data?: unknown
}

const indexKey = (userId: string): string => `user-sessions:${userId}`

/** The design of many tutorials: a record under the token, and a JSON list of the tokens of each user that is read, changed and written. */
export const plainKv: SessionSystem = {
  name: 'plain KV',
  open: ({ clock, policy, random }) => ({
    openIsolate: ({ name, kv }): SessionIsolate => {
      const draw = random(name)
      const ttlSeconds = policy.idleSeconds
      const write = (token: string, record: Omit<PlainRecord, 'expiresAtMs'>): Promise<void> => {
        const expiresAtMs = clock.now() + ttlSeconds * 1000
        return kv.put(token, JSON.stringify({ ...record, expiresAtMs }), {
          expirationTtl: ttlSeconds,
        })
      }
      const read = async (token: string | undefined): Promise<PlainRecord | null> => {
        const record = token === undefined ? null : await kv.get<PlainRecord>(token, 'json')
        return record !== null && record.expiresAtMs > clock.now() ? record : null
      }
      const list = async (userId: string): Promise<readonly string[]> =>
        (await kv.get<string[]>(indexKey(userId), 'json')) ?? []
      const setList = (userId: string, tokens: readonly string[]): Promise<void> =>
        kv.put(indexKey(userId), JSON.stringify(tokens), { expirationTtl: ttlSeconds })
      const newToken = (): string =>
        Array.from({ length: 32 }, () =>
          Math.floor(draw() * 256)
            .toString(16)
            .padStart(2, '0'),
        ).join('')
      const end = async (token: string): Promise<void> => {
        const record = await read(token)
        await kv.delete(token)
        if (record === null) return
        const { userId } = record
        await setList(
          userId,
          (await list(userId)).filter((other) => other !== token),
        )
      }
      return {
        signIn: async (userId, { checkPassword }) => {
          await checkPassword()
          const token = newToken()
          await write(token, { userId })
          await setList(userId, [...(await list(userId)), token])
          return { setCookies: [writeCookie(token)], bearers: [token] }
        },
        view: async (cookies): Promise<ViewOutcome> => {
          const record = await read(readCookie(cookies))
          if (record === null) {
            return { accepted: false, reason: 'not found', boundMs: null, setCookies: [] }
          }
          return { accepted: true, userId: record.userId, boundMs: null, setCookies: [] }
        },
        change: async (cookies, work) => {
          const token = readCookie(cookies)
          const record = await read(token)
          if (token === undefined || record === null) return { ok: false, setCookies: [] }
          await work()
          await write(token, { ...record, data: draw() })
          return { ok: true, setCookies: [] }
        },
        refresh: async (cookies) => {
          const token = readCookie(cookies)
          const record = await read(token)
          if (token === undefined || record === null) return { ok: false, setCookies: [] }
          await write(token, record)
          return { ok: true, setCookies: [] }
        },
        rotate: async (cookies) => {
          const token = readCookie(cookies)
          const record = await read(token)
          if (token === undefined || record === null) return { ok: false, setCookies: [] }
          const next = newToken()
          await write(next, record)
          const others = (await list(record.userId)).filter((other) => other !== token)
          await setList(record.userId, [...others, next])
          await kv.delete(token)
          return { ok: true, setCookies: [writeCookie(next)], bearers: [next] }
        },
        signOut: async (cookies) => {
          const token = readCookie(cookies)
          if (token !== undefined) await end(token)
        },
        signOutDevice: async (_cookies, of) => {
          const token = readCookie(of.cookies)
          if (token !== undefined) await end(token)
        },
        signOutOthers: async (cookies, userId) => {
          const token = readCookie(cookies)
          const all = await list(userId)
          for (const other of all) if (other !== token) await kv.delete(other)
          await setList(
            userId,
            all.filter((other) => other === token),
          )
        },
        signOutAll: async (userId) => {
          for (const token of await list(userId)) await kv.delete(token)
          await kv.delete(indexKey(userId))
        },
      }
    },
  }),
}
