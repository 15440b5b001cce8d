import { SessionStore, type SessionStoreOptions } from '@codex/cloudflare-clients/session'

export function createView(
  kv: KVNamespace,
  options: SessionStoreOptions,
): (cookies: string) => Promise<string | null> {
  const sessions = new SessionStore(kv, options)
  return async (cookies) => (await sessions.get(sessions.parseToken(cookies)))?.userId ?? null
}
