import { SessionStore } from '@codex/cloudflare-clients/session'
import {
  createSessionStoreSystem,
  SessionAuthority,
  type SessionAuthorityNamespace,
  type SessionRow,
  type SessionSystem,
  type SessionUserRow,
  type ViewFreshness,
} from '@codex/cloudflare-clients/testing'

export interface CodexOptions {
  readonly freshness: ViewFreshness
  readonly hasSealedCopies?: boolean
  readonly onRowWritten?: () => void
}

export function nameOfOurs({ freshness, hasSealedCopies = true }: CodexOptions): string {
  return `codex, ${freshness}${hasSealedCopies ? '' : ', no sealed copy'}`
}

/** The store itself, with the authority of `SessionObject` behind the simulated way. */
export function createCodexSystem(options: CodexOptions): SessionSystem {
  return createSessionStoreSystem<SessionAuthorityNamespace, SessionUserRow, SessionRow>({
    name: nameOfOurs(options),
    startAuthority: (storage, now) => new SessionAuthority({ storage, now }),
    createStore: (kv, storeOptions) => new SessionStore(kv, storeOptions),
    hasSealedCopies: options.hasSealedCopies ?? true,
    ...(options.onRowWritten && { onRowWritten: options.onRowWritten }),
  })
}
