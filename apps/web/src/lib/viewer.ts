import type { CachedSession } from '@codex/cloudflare-clients'

/** What pages may know of the person who is signed in. Nothing here can open a session. */
export interface Viewer {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: CachedSession['user']['role']
}
