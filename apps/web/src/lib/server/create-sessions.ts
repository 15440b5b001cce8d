import type { Handle, RequestEvent } from '@sveltejs/kit'
import type { SessionData } from '@codex/auth'
import { createEmptyKV } from '@codex/cloudflare-clients'
import {
  type SessionAuditEvent,
  type SessionAuthorityNamespace,
  type SessionFreshness,
  sessionHandle,
  SessionStore,
} from '@codex/cloudflare-clients/session'
import { log } from './log.ts'

/** Where sessions are kept. */
export interface SessionBindings {
  /** The coordinator's objects. `null` where they are not bound: then KV alone decides. */
  readonly authority: SessionAuthorityNamespace | null
  /** Copies. `null` where it is not bound. */
  readonly kv: KVNamespace | null
  /** AUTH_SECRET. */
  readonly secret: string
  readonly secureCookies: boolean
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** The session store of this site, and how fresh its pages and changes want it. */
export interface Sessions {
  readonly store: SessionStore<SessionData>
  /**
   * Of what changes something, and of pages that depend on a role or list sessions. `edge` on KV alone,
   * which knows nothing fresher.
   */
  readonly exact: SessionFreshness
  /**
   * Gives each request its sessions. It also refuses what pages of other sites send with a visitor's cookies: SvelteKit looks at
   * forms only, and not at requests without a content type.
   */
  readonly handle: Handle
}

/** How long a page may take somebody for signed in whose session was ended elsewhere. */
const pageBoundSeconds = 60

/** A session over HTTPS has `__Host-` in front of it. */
const cookieName = 'codex_session'

export function createSessions(bindings: SessionBindings): Sessions {
  const { authority, kv, secret, secureCookies, waitUntil } = bindings
  const store = new SessionStore<SessionData>(kv ?? withoutCopies(authority), {
    ...(authority !== null && { authority, freshness: { boundedSeconds: pageBoundSeconds } }),
    secrets: [secret],
    cookie: { name: cookieName, secure: secureCookies },
    waitUntil,
    onAudit: logAudit,
  })
  const exact = authority === null ? 'edge' : 'strict'
  return {
    store,
    exact,
    handle: sessionHandle<SessionData, RequestEvent>(store, { freshness: { unsafe: exact } }),
  }
}

/** With the coordinator it does without copies. With neither there is nowhere to keep a session: 503, and no false sign-in. */
function withoutCopies(authority: SessionAuthorityNamespace | null): KVNamespace {
  if (authority !== null) return createEmptyKV()
  log('error', 'sessions_not_kept', {
    effect: 'Nobody can sign in: neither SESSIONS nor KV is bound',
  })
  return new Proxy(createEmptyKV(), {
    get: () => () => Promise.reject(new Error('No place for sessions is bound')),
  })
}

function logAudit({ type, userId, count }: SessionAuditEvent): void {
  log(type === 'reused' ? 'warn' : 'info', `session_${type}`, { userId, count })
}
