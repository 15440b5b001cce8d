import type { SignedInUser } from '@codex/auth'

/** What pages may know of the person who is signed in. Nothing here can open a session. */
export interface Viewer {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: SignedInUser['role']
}
