import type { ConfigChangeRequest } from '../config-authority-calls.ts'
import type { ConfigDocument } from '../config-document.ts'

/** A change that was put, or may have been. */
export interface OwnChange {
  readonly name: string
  readonly changeId: string
  readonly kind: ConfigChangeRequest['kind']
  readonly version: number
  /** When it was decided about. A repeated one takes it over, so that it makes the same document. */
  readonly atMs: number
  /** Of the document that it made. */
  readonly identity: string
  /** KV took it. */
  readonly isMade: boolean
}

const maxChanges = 200

/** What this publisher changed of late, so that a repeated call is known. */
export class OwnChanges {
  readonly #changes: OwnChange[] = []

  find(name: string, changeId: string): OwnChange | undefined {
    return this.#changes.find((own) => own.name === name && own.changeId === changeId)
  }

  /** In place of what was noted of it before. */
  note(change: OwnChange): void {
    const before = this.find(change.name, change.changeId)
    if (before !== undefined) this.#changes.splice(this.#changes.indexOf(before), 1)
    this.#changes.push(change)
    if (this.#changes.length > maxChanges) this.#changes.shift()
  }
}

/** The same for two documents that one change made. */
export function toIdentity({ version, changedAtMs, stable, candidate }: ConfigDocument): string {
  const { release, percentage } = candidate ?? {}
  return JSON.stringify([version, changedAtMs, stable.sha256, release?.sha256, percentage])
}
