import type { FlagContext, FlagReader } from '@codex/cloudflare-clients/feature-flags'
import type { SignedInSession } from '../require-user.ts'

/** What an answer depends on. */
export interface Asking {
  readonly flags: Pick<FlagReader, 'evaluate'>
  /** Who asks. `null`: a visitor who is not signed in, or of whom it is not known. */
  readonly session: Pick<SignedInSession, 'user'> | null
}

/** What rules of flags can look at, for this site: `role` is `visitor` for who is not signed in. */
function flagContext(session: Asking['session']): FlagContext {
  if (!session) return { attributes: { role: 'visitor' } }
  const { id, role } = session.user
  return { userId: id, attributes: { role } }
}

export function showsNewItemPage({ flags, session }: Asking): boolean {
  return flags.evaluate<boolean>('new-item-page', flagContext(session), false).value
}

/**
 * The largest upload of who asks, in bytes, at least 1.
 *
 * @param platformBytes The platform's own limit, which no flag raises, and which stands alone where the flag has no answer.
 */
export function uploadLimitBytes({ flags, session }: Asking, platformBytes: number): number {
  const { value } = flags.evaluate('upload-size', flagContext(session), platformBytes)
  const wholeBytes = Number.isFinite(value) ? Math.max(1, Math.floor(value)) : platformBytes
  return Math.min(wholeBytes, platformBytes)
}

/** Whether the site is closed for who asks. Never for owners, whatever the flag's lists and rules say: they have to open it again. */
export function isClosed({ flags, session }: Asking): boolean {
  if (session?.user.role === 'owner') return false
  return flags.evaluate<boolean>('maintenance-mode', flagContext(session), false).value
}
