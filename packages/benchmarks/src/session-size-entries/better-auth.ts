import { betterAuth, type BetterAuthOptions } from 'better-auth'

export function createView(
  kv: KVNamespace,
  options: BetterAuthOptions,
): (cookies: string) => Promise<string | null> {
  const auth = betterAuth({
    ...options,
    secondaryStorage: {
      get: (key) => kv.get(key),
      set: (key, value, ttl) => kv.put(key, value, ttl === undefined ? {} : { expirationTtl: ttl }),
      delete: (key) => kv.delete(key).then(() => null),
      getAndDelete: (key) => kv.get(key),
      increment: async (key) => Number(await kv.get(key)) + 1,
    },
  })
  return async (cookies) => {
    const session = await auth.api.getSession({ headers: new Headers({ cookie: cookies }) })
    return session?.user.id ?? null
  }
}
