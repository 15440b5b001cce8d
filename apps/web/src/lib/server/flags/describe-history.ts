import type { FlagChange } from '@codex/cloudflare-clients/feature-flags'
import { describeError, log } from '../log.ts'
import { changedFields } from './flag-summary.ts'

/** A change of a flag or a segment, for whoever looks at its page. */
export interface HistoryEntry {
  readonly version: number
  readonly at: Date
  readonly author: string
  readonly reason: string
  readonly what: string
  /** As it was then. `null`: it was deleted. */
  readonly json: string | null
}

/** The history with the names of who made it, and what each change was about. */
export async function describeHistory(
  app: App.Locals['app'],
  history: readonly FlagChange[],
): Promise<readonly HistoryEntry[]> {
  const names = await readNames(app, [...new Set(history.map(({ author }) => author))])
  return history.map(({ version, atMs, author, reason, before, after, renamedFrom }) => ({
    version,
    at: new Date(atMs),
    author: names.get(author) ?? author,
    reason: reason ?? '',
    what: describeChange({ before, after, renamedFrom }),
    json: after && JSON.stringify({ ...after, version: undefined }, null, 2),
  }))
}

function describeChange({
  before,
  after,
  renamedFrom,
}: Pick<FlagChange, 'before' | 'after'> & { readonly renamedFrom: string | undefined }): string {
  if (renamedFrom !== undefined) return `Renamed from “${renamedFrom}”`
  if (!after) return 'Deleted'
  if (!before) return 'Created'
  const fields = changedFields(before, after)
  return fields.length === 0 ? 'Saved unchanged' : `Changed ${fields.join(', ')}`
}

/** Authors are user ids. Without the database the history shows those. */
async function readNames(
  app: App.Locals['app'],
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  try {
    const users = await app.database.query.users.findMany({
      columns: { id: true, name: true },
      where: (user, { inArray }) => inArray(user.id, [...ids]),
    })
    return new Map(users.map(({ id, name }) => [id, name]))
  } catch (cause) {
    log('error', 'flag_authors_not_read', { error: describeError(cause) })
    return new Map()
  }
}
