export type { CachedSession, UserRole } from './lib/session/cached-session.ts'
export type {
  SessionAuthorityCalls,
  SessionAuthorityNamespace,
  SessionPatch,
  SessionRefusal,
  SessionSummary,
} from './lib/session/session-authority-calls.ts'
export {
  type DeleteSessionOptions,
  type GetSessionOptions,
  SessionCacheClient,
  type SessionCacheClientOptions,
  type SetSessionOptions,
} from './lib/session/session-cache-client.ts'
export type {
  PreferencesAuthorityCalls,
  PreferencesAuthorityNamespace,
  PreferencesDocument,
  PreferencesPatchReply,
  PreferencesPatchRequest,
} from './lib/session/preferences/preferences-authority-calls.ts'
export type {
  GetPreferencesOptions,
  PatchPreferencesOptions,
  PreferencesFreshness,
  PreferencesPatch,
  UserPreferencesOptions,
} from './lib/session/preferences/preferences-options.ts'
export { UserPreferences } from './lib/session/preferences/user-preferences.ts'
export { SessionError, type SessionErrorCode } from './lib/session/session-error.ts'
export type {
  CreateSessionOptions,
  RotateOptions,
  Session,
  SessionAuditEvent,
  SessionCookieOptions,
  SessionFreshness,
  SessionSource,
  SessionStoreOptions,
  SessionUnavailablePolicy,
  SessionValidation,
  ValidateOptions,
} from './lib/session/session-options.ts'
export { SessionStore } from './lib/session/session-store.ts'
export {
  checkCsrf,
  type CsrfOptions,
  type CsrfRefusal,
  type CsrfRequest,
  type CsrfResult,
} from './lib/session/http/check-csrf.ts'
export { honoSessions, type HonoSessionContext } from './lib/session/http/hono-sessions.ts'
export {
  createRequestSessions,
  type RequestSessions,
  type RequestSessionsOptions,
  type RequestSessionStore,
  type RequestValidateOptions,
  type SignOutOptions,
} from './lib/session/http/request-sessions.ts'
export type { SessionGateOptions } from './lib/session/http/session-gate.ts'
export { type SessionEvent, sessionHandle } from './lib/session/http/session-handle.ts'
export { clearSiteData, privateNoStore, type SiteData } from './lib/session/http/session-headers.ts'
export {
  createSecondaryStorage,
  type SecondaryStorage,
  type SecondaryStorageOptions,
} from './lib/session/secondary-storage.ts'
export type {
  SecondaryStorageCalls,
  SecondaryStorageNamespace,
} from './lib/session/secondary-storage-calls.ts'
export { createMemorySecondaryStorage } from './lib/session/secondary-storage-cell.ts'
