import { error } from '@sveltejs/kit'
import { AuthError } from '@codex/auth'
import type { Auth } from '@codex/auth'
import { describeError, log } from './log.ts'

/**
 * The same auth for pages and forms: when the database or the session store fails it, the visitor gets the 503 page, which says to try
 * again, and not an answer that looks like a wrong password or a sign-out.
 */
export function calmAuth(auth: Auth): Auth {
  return new Proxy(auth, {
    get(target, property) {
      const method: unknown = Reflect.get(target, property, target)
      if (typeof method !== 'function') return method
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await (Reflect.apply(method, target, args) as Promise<unknown>)
        } catch (cause) {
          if (!(cause instanceof AuthError)) throw cause
          log('error', 'auth_unavailable', { error: describeError(cause) })
          error(503, { message: 'Accounts cannot be reached right now. Try again in a moment.' })
        }
      }
    },
  })
}
