import type { SessionIsolate, SessionSystem } from '@codex/cloudflare-clients/testing'
import { betterAuth, type SecondaryStorage } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'

type Tables = Record<string, Record<string, unknown>[]>

const users = 4
const secret = 'a secret of the simulation, long enough'
const cookieCacheSeconds = 300

/**
 * `createKVStorage` of better-auth-cloudflare (`src/index.ts`), with the TTL of at least 60 seconds that it has since its PR #42, and
 * with `getAndDelete` and `increment`, which better-auth 1.7 asks for and KV cannot do in one step.
 */
function createKvStorage(kv: KVNamespace): SecondaryStorage {
  const set = (key: string, value: string, ttl?: number): Promise<void> =>
    kv.put(key, value, ttl === undefined ? {} : { expirationTtl: Math.max(60, ttl) })
  return {
    get: (key) => kv.get(key),
    set,
    delete: async (key) => {
      await kv.delete(key)
    },
    getAndDelete: async (key) => {
      const value = await kv.get(key)
      await kv.delete(key)
      return value
    },
    increment: async (key, ttl) => {
      const next = Number(await kv.get(key)) + 1
      await set(key, String(next), ttl)
      return next
    },
  }
}

/** Users with a password; whatever is typed is right, and takes as long as the run says. */
function createTables(): Tables {
  const created = { createdAt: new Date(), updatedAt: new Date() }
  const ids = Array.from({ length: users }, (_, number) => `user-${number}`)
  return {
    user: ids.map((id) => ({
      id,
      name: id,
      email: `${id}@example.com`,
      emailVerified: true,
      ...created,
    })),
    account: ids.map((id) => ({
      id: `account-${id}`,
      userId: id,
      accountId: id,
      providerId: 'credential',
      password: 'stored',
      ...created,
    })),
    session: [],
    verification: [],
  }
}

type Auth = ReturnType<typeof createAuth>

interface AuthOptions {
  readonly kv: KVNamespace
  readonly tables: Tables
  readonly idleSeconds: number
  readonly renewalFraction: number
  readonly hasCookieCache: boolean
  readonly onQuery: (() => void) | undefined
  readonly verify: (password: string) => Promise<boolean>
}

function createAuth(options: AuthOptions) {
  const { kv, tables, idleSeconds, renewalFraction, hasCookieCache, onQuery, verify } = options
  const database = memoryAdapter(tables)
  return betterAuth({
    baseURL: 'https://example.com',
    secret,
    database: (own: Parameters<typeof database>[0]) => countCalls(database(own), onQuery),
    secondaryStorage: createKvStorage(kv),
    session: {
      expiresIn: idleSeconds,
      updateAge: idleSeconds * renewalFraction,
      additionalFields: { note: { type: 'string', required: false, input: true } },
      ...(hasCookieCache && { cookieCache: { enabled: true, maxAge: cookieCacheSeconds } }),
    },
    emailAndPassword: {
      enabled: true,
      password: {
        hash: () => Promise.resolve('stored'),
        verify: ({ password }) => verify(password),
      },
    },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  })
}

function countCalls<Adapter extends object>(
  adapter: Adapter,
  onQuery: (() => void) | undefined,
): Adapter {
  const queries = [
    'findOne',
    'findMany',
    'create',
    'update',
    'updateMany',
    'delete',
    'deleteMany',
    'count',
  ]
  return new Proxy(adapter, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as unknown
      if (typeof method !== 'function' || !queries.includes(String(name))) return method
      return (...args: unknown[]): unknown => {
        onQuery?.()
        return (method as (...all: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}

/** The library itself, on the simulated KV: its own endpoints, cookies and indexes. */
export function createBetterAuthSystem(options: {
  readonly hasCookieCache: boolean
  readonly onQuery?: () => void
}): SessionSystem {
  const { hasCookieCache, onQuery } = options
  return {
    name: hasCookieCache ? 'better-auth, cookie cache' : 'better-auth',
    open: ({ policy }) => {
      const tables = createTables()
      const checks = new Map<string, () => Promise<void>>()
      let lastCheck = 0
      return {
        openIsolate: ({ kv }): SessionIsolate => {
          const { idleSeconds, renewalFraction } = policy
          const verify = async (password: string): Promise<boolean> => {
            await checks.get(password)?.()
            return true
          }
          const auth = createAuth({
            kv,
            tables,
            idleSeconds,
            renewalFraction,
            hasCookieCache,
            onQuery,
            verify,
          })
          return openIsolate(auth, {
            remember: (check) => {
              const password = `password-${++lastCheck}`
              checks.set(password, check)
              return password
            },
          })
        },
      }
    },
  }
}

function openIsolate(
  auth: Auth,
  { remember }: { readonly remember: (check: () => Promise<void>) => string },
): SessionIsolate {
  const headersOf = (cookie: string): Headers => new Headers({ cookie })
  const view = async (
    cookies: string,
  ): Promise<{ readonly userId: string | undefined; readonly setCookies: string[] }> => {
    const { headers, response } = await auth.api.getSession({
      headers: headersOf(cookies),
      returnHeaders: true,
    })
    return { userId: response?.user.id, setCookies: headers.getSetCookie() }
  }
  return {
    signIn: async (userId, { cookies, checkPassword }) => {
      const { headers, response } = await auth.api.signInEmail({
        body: { email: `${userId}@example.com`, password: remember(checkPassword) },
        headers: headersOf(cookies),
        returnHeaders: true,
      })
      return { setCookies: headers.getSetCookie(), bearers: [response.token] }
    },
    view: async (cookies) => {
      const { userId, setCookies } = await view(cookies)
      return userId === undefined
        ? { accepted: false, reason: 'no session', boundMs: null, setCookies }
        : { accepted: true, userId, boundMs: null, setCookies }
    },
    change: async (cookies, work) => {
      const { userId } = await view(cookies)
      if (userId === undefined) return { ok: false, setCookies: [] }
      await work()
      const { headers } = await auth.api.updateSession({
        body: { note: 'changed' },
        headers: headersOf(cookies),
        returnHeaders: true,
      })
      return { ok: true, setCookies: headers.getSetCookie() }
    },
    signOut: async (cookies) => {
      await auth.api.signOut({ headers: headersOf(cookies) })
    },
    signOutDevice: async (cookies, of) => {
      const token = tokenIn(of.cookies)
      await auth.api.revokeSession({ headers: headersOf(cookies), body: { token } })
    },
    signOutOthers: async (cookies) => {
      await auth.api.revokeOtherSessions({ headers: headersOf(cookies) })
    },
    // What `revokeSessions`, a new password and the admin plugin's `revokeUserSessions` and `banUser` do.
    signOutAll: async (userId) => {
      const { internalAdapter } = await auth.$context
      await internalAdapter.deleteUserSessions(userId)
    },
  }
}

function tokenIn(cookies: string): string {
  const pair = cookies.split('; ').find((candidate) => candidate.includes('session_token='))
  const value = decodeURIComponent(pair?.slice(pair.indexOf('=') + 1) ?? '')
  return value.split('.')[0] ?? ''
}
