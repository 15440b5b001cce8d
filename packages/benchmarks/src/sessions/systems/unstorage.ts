import type { SessionIsolate, SessionSystem } from '@codex/cloudflare-clients/testing'
import { createStorage } from 'unstorage'
import cloudflareKvBindingDriver from 'unstorage/drivers/cloudflare-kv-binding'
import { readCookie, writeCookie } from '../cookies.ts'

interface StoredSession {
  readonly userId: string
  readonly note?: number
}

/**
 * unstorage's driver of KV, as Astro's sessions use it: the steps of `AstroSession` in
 * https://github.com/withastro/astro/blob/073bab7298ba8e6257a4b7093df7ab1a7b47923c/packages/astro/src/core/session.ts. What a
 * request changes is stored when it ends, and there is no list of a user's sessions, so none for all of them can be ended.
 */
export const unstorageSessions: SessionSystem = {
  name: 'unstorage (Astro)',
  open: ({ random, waitUntil }) => ({
    openIsolate: ({ name, kv }): SessionIsolate => {
      const storage = createStorage<StoredSession>({
        driver: cloudflareKvBindingDriver({ binding: kv }),
      })
      const draw = random(name)
      const newId = (): string => {
        const hex = (digits: number): string =>
          Array.from({ length: digits }, () => Math.floor(draw() * 16).toString(16)).join('')
        return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`
      }
      // `regenerate` does not wait for it, and logs that it failed.
      const removeLater = (id: string | undefined): void => {
        if (id !== undefined) waitUntil(storage.removeItem(id).catch(() => undefined))
      }
      return {
        signIn: async (userId, { cookies, checkPassword }) => {
          await checkPassword()
          removeLater(readCookie(cookies))
          const id = newId()
          await storage.setItem(id, { userId })
          return { setCookies: [writeCookie(id)], bearers: [id] }
        },
        view: async (cookies) => {
          const id = readCookie(cookies)
          const session = id === undefined ? null : await storage.getItem(id)
          return session === null
            ? { accepted: false, reason: 'not found', boundMs: null, setCookies: [] }
            : { accepted: true, userId: session.userId, boundMs: null, setCookies: [] }
        },
        change: async (cookies, work) => {
          const id = readCookie(cookies)
          const session = id === undefined ? null : await storage.getItem(id)
          if (id === undefined || session === null) return { ok: false, setCookies: [] }
          await work()
          await storage.setItem(id, { ...session, note: draw() })
          return { ok: true, setCookies: [] }
        },
        rotate: async (cookies) => {
          const id = readCookie(cookies)
          const session = id === undefined ? null : await storage.getItem(id)
          if (session === null) return { ok: false, setCookies: [] }
          removeLater(id)
          const next = newId()
          await storage.setItem(next, session)
          return { ok: true, setCookies: [writeCookie(next)], bearers: [next] }
        },
        signOut: async (cookies) => {
          const id = readCookie(cookies)
          if (id !== undefined) await storage.removeItem(id)
        },
      }
    },
  }),
}
