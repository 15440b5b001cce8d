export type { CachedSession, UserRole } from './lib/session/cached-session.ts'
export {
  SessionCacheClient,
  type SessionCacheClientOptions,
} from './lib/session/session-cache-client.ts'
