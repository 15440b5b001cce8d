import type { RequestSessionStore } from '@codex/cloudflare-clients/session'
import type { SessionPatch } from '../../src/lib/session/session-authority-calls.ts'
import type {
  CreateSessionOptions,
  RotateOptions,
  Session,
  SessionValidation,
  ValidateOptions,
} from '../../src/lib/session/session-options.ts'
import { createSessionCookies } from '../../src/lib/session/session-cookie.ts'
import { CloudflareClientError } from '../../src/lib/shared/client-error.ts'

/** When every session of these tests was made, in epoch ms. */
export const nowMs = 1_800_000_000_000
const cookies = createSessionCookies()

function createSession(userId: string): Session {
  return {
    id: `id-of-${userId}`,
    userId,
    createdAtMs: nowMs,
    authenticatedAtMs: nowMs,
    lastSeenAtMs: nowMs,
    expiresAtMs: nowMs + 3_600_000,
    remember: true,
    email: `${userId}@example.com`,
    roles: [],
    data: null,
  }
}

type Refusal = Exclude<SessionValidation, { readonly ok: true }>['reason']

/** A store that does what it is told, and remembers what it was asked. */
export class ScriptedSessionStore implements RequestSessionStore {
  readonly asked: unknown[][] = []
  /** By token. */
  readonly sessions = new Map<string, Session>()
  /** What a token is refused with, where it has no session. */
  refusal: Refusal = 'revoked'
  boundMs: number | null = 0
  /** Thrown by every call that would ask the authority. */
  failure: Error | null = null
  sealed: string | null = 'sealed-copy'
  #tokens = 0

  add(token: string, userId = 'ada'): void {
    this.sessions.set(token, createSession(userId))
  }

  failWith(code: string): Error {
    this.failure = new CloudflareClientError('Cannot check session: the authority is away', {
      code,
      operation: 'check',
      retryable: true,
    })
    return this.failure
  }

  create(userId: string, options?: CreateSessionOptions): Promise<string> {
    return this.#answer(['create', userId, options], () => {
      if (options?.replaces !== undefined) this.sessions.delete(options.replaces)
      const token = `new-${++this.#tokens}`
      this.sessions.set(token, {
        ...createSession(userId),
        remember: options?.remember ?? true,
      })
      return token
    })
  }

  validate(
    token: string | null | undefined,
    options?: ValidateOptions,
  ): Promise<SessionValidation> {
    return this.#answer(['validate', token, options], () => {
      const judgement = { source: 'authority', ageMs: 0, boundMs: this.boundMs } as const
      if (token == null) return { ok: false, reason: 'missing', ...judgement }
      const session = this.sessions.get(token)
      if (session !== undefined) return { ok: true, session, ...judgement }
      return this.refusal === 'reauthentication_required'
        ? { ok: false, reason: this.refusal, session: createSession('ada'), ...judgement }
        : { ok: false, reason: this.refusal, ...judgement }
    })
  }

  update(token: string, patch: SessionPatch): Promise<Session | null> {
    return this.#answer(['update', token, patch], () => {
      const session = this.sessions.get(token)
      if (session === undefined) return null
      const updated = { ...session, roles: patch.roles ?? session.roles }
      this.sessions.set(token, updated)
      return updated
    })
  }

  rotate(token: string, options?: RotateOptions): Promise<string | null> {
    return this.#answer(['rotate', token, options], () => {
      const session = this.sessions.get(token)
      if (session === undefined) return null
      this.sessions.delete(token)
      const next = `new-${++this.#tokens}`
      this.sessions.set(next, session)
      return next
    })
  }

  destroy(token: string): Promise<boolean> {
    return this.#answer(['destroy', token], () => this.sessions.delete(token))
  }

  parseToken(cookieHeader: string | null | undefined): string | null {
    return cookies.read(cookieHeader).token
  }

  getCookieHeader(
    token: string,
    {
      remember = true,
      expiresAtMs = nowMs + 86_400_000,
    }: { readonly remember?: boolean; readonly expiresAtMs?: number } = {},
  ): string {
    return remember ? cookies.write(token, (expiresAtMs - nowMs) / 1000) : cookies.write(token)
  }

  getClearCookieHeaders(): string[] {
    return cookies.clear()
  }

  getSealedCopyHeader(): Promise<string | null> {
    return Promise.resolve(this.sealed === null ? null : cookies.writeCopy(this.sealed, 120))
  }

  #answer<T>(call: unknown[], decide: () => T): Promise<T> {
    this.asked.push(call)
    return this.failure === null ? Promise.resolve(decide()) : Promise.reject(this.failure)
  }
}
