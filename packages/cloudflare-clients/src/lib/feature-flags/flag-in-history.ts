import type { FlagAuthorityCalls, FlagChange } from './flag-authority-calls.ts'
import type { FlagDefinition } from './flag-definition.ts'
import { FlagError } from './flag-error.ts'

export interface FlagInHistory {
  readonly flag: string
  readonly toVersion: number
  /** The version that the ruleset has. */
  readonly newestVersion: number
}

const pageLimit = 100

/**
 * Looks up a flag as it was in a version of the ruleset, also where it had another name then.
 *
 * @returns `null`: there was none. `undefined`: it was not changed since.
 * @throws {FlagError} `invalid` where that version has not been, or changes after it are not in the history any more, so that nobody knows what it was.
 */
export async function findInHistory(
  getHistory: FlagAuthorityCalls['getHistory'],
  wanted: FlagInHistory,
): Promise<FlagDefinition | null | undefined> {
  const { flag, toVersion, newestVersion } = wanted
  if (toVersion > newestVersion) {
    throw toRefusal(wanted, `must be at most ${newestVersion}, the newest, received ${toVersion}`)
  }
  let name = flag
  let found: FlagDefinition | null | undefined
  let beforeVersion: number | undefined
  for (;;) {
    const page: readonly FlagChange[] = await getHistory({
      target: { kind: 'flag', name },
      limit: pageLimit,
      ...(beforeVersion !== undefined && { beforeVersion }),
    })
    let renamed: FlagChange | undefined
    for (const change of page) {
      beforeVersion = change.version
      const isOwn = change.target.name === name
      // Where it gave up the name, there was none of it until it was made again.
      if (change.version <= toVersion) return isOwn ? asFlag(change.after) : null
      found = asFlag(change.before)
      if (isOwn && change.renamedFrom !== undefined) {
        renamed = change
        break
      }
    }
    if (renamed?.renamedFrom !== undefined) name = renamed.renamedFrom
    else if (page.length === 0) break
  }
  await assertRemembered(getHistory, wanted)
  return found
}

/**
 * Each version is one change, and the oldest are forgotten first: where the one after the wanted version is there, all after it are. To be
 * asked after the others were read, because changes are forgotten meanwhile.
 */
async function assertRemembered(
  getHistory: FlagAuthorityCalls['getHistory'],
  wanted: FlagInHistory,
): Promise<void> {
  const { toVersion, newestVersion } = wanted
  if (toVersion === newestVersion) return
  const [next] = await getHistory({ beforeVersion: toVersion + 2, limit: 1 })
  if (next?.version === toVersion + 1) return
  throw toRefusal(
    wanted,
    `must be in the history, which has the last 1,000 changes, received ${toVersion}`,
  )
}

function toRefusal({ flag }: FlagInHistory, reason: string): FlagError {
  return new FlagError(`Cannot revert flag ${JSON.stringify(flag)}: toVersion ${reason}`, {
    code: 'invalid',
    operation: 'revert',
    faults: [{ path: 'toVersion', reason }],
  })
}

function asFlag(definition: FlagChange['before']): FlagDefinition | null {
  return definition as FlagDefinition | null
}
