import { AuthError } from '@codex/auth'
import type { Auth, AuthSessions } from '@codex/auth'
import { describe, expect, it, vi } from 'vitest'
import { calmAuth } from './calm-auth.ts'

/** An auth whose one method does what the test says. */
function authWith(signOut: () => Promise<never>): Auth {
  return { signOut } as unknown as Auth
}

const sessions = {} as AuthSessions

describe('calmAuth', () => {
  it('answers 503 when the database fails, and logs why', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const failure = new AuthError('sign out', { cause: new Error('D1_ERROR: network lost') })
    const auth = calmAuth(authWith(() => Promise.reject(failure)))
    await expect(auth.signOut(sessions)).rejects.toMatchObject({ status: 503 })
    expect(String(logged.mock.calls[0]?.[0])).toContain('D1_ERROR: network lost')
    logged.mockRestore()
  })

  it('lets any other error through', async () => {
    const bug = new TypeError('a bug')
    const auth = calmAuth(authWith(() => Promise.reject(bug)))
    await expect(auth.signOut(sessions)).rejects.toBe(bug)
  })
})
