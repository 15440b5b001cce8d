import type { SessionCacheClient } from '@codex/cloudflare-clients'
import type { AuthEvent, AuthEventReporter } from './auth-event.ts'

export interface SessionRevocation {
  /** Forgets the cached copy of one session. */
  forgetSession(token: string): Promise<void>
  /** Forgets the cached copies of all sessions of a user. */
  forgetUser(userId: string): Promise<void>
}

/** KV takes one write to a key in a second, so a retry before that would fail for the same reason. */
const retryDelayMs = 1_100

/**
 * Takes ended sessions out of the cache, after the database has ended them.
 *
 * Never rejects: what the database decided stands. A failure is reported and, with `waitUntil`, tried once more
 * in the background. If that fails too, the cached copy is served until it expires, at most the cache's
 * `maxTtlSeconds` after it was written.
 */
export function createSessionRevocation(options: {
  sessionCache: Pick<SessionCacheClient, 'delete' | 'deleteUserSessions'>
  report: AuthEventReporter
  waitUntil: ((promise: Promise<unknown>) => void) | undefined
}): SessionRevocation {
  const { sessionCache, report, waitUntil } = options

  async function forget(
    operation: Extract<AuthEvent, { type: 'session_cache_error' }>['operation'],
    run: () => Promise<unknown>,
  ): Promise<void> {
    const attempt = async (number: 1 | 2): Promise<boolean> => {
      try {
        await run()
        return true
      } catch (error) {
        report({ type: 'session_cache_error', operation, attempt: number, error })
        return false
      }
    }
    if (await attempt(1)) return
    waitUntil?.(
      (async () => {
        await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
        await attempt(2)
      })(),
    )
  }

  return {
    forgetSession: (token) => forget('delete', () => sessionCache.delete(token)),
    forgetUser: (userId) =>
      forget('delete_user_sessions', () => sessionCache.deleteUserSessions(userId)),
  }
}
