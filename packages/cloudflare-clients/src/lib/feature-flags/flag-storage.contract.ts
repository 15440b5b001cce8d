import { expect } from 'vitest'
import type { FlagChange, FlagTarget } from './flag-authority-calls.ts'
import type { FlagOutboxRow, FlagRow, FlagStorage, FlagWrite } from './flag-storage.ts'

const flag: FlagRow = {
  kind: 'flag',
  name: 'é "quoted"',
  version: 1,
  definition: { enabled: true, allow: ['日'], metadata: { a: 1 } },
}
const segment: FlagRow = {
  kind: 'segment',
  name: '__proto__',
  version: 2,
  definition: { when: { all: [] }, description: 'all' },
}
const outbox: FlagOutboxRow = {
  environment: 'production',
  publishedVersion: 3,
  triedAtMs: null,
  isPutting: true,
  failures: 1,
  doubtfulAtMs: 2.5,
}

function toWrite(row: FlagRow, changes: Partial<FlagWrite> & Partial<FlagChange> = {}): FlagWrite {
  const {
    changeId = `id-${row.version}`,
    deleted = [],
    saved = row,
    forgetUpToVersion = 0,
  } = changes
  const target = { kind: row.kind, name: row.name }
  return {
    changeId,
    deleted,
    saved,
    forgetUpToVersion,
    change: {
      version: row.version,
      atMs: 10 * row.version,
      target,
      author: 'ada',
      ...(changes.renamedFrom !== undefined && { renamedFrom: changes.renamedFrom }),
      before: null,
      after: saved?.definition ?? null,
    },
  }
}

/** What holds of every storage. @param open Opens the same storage again, as after a restart. */
export function expectFlagStorage(open: () => FlagStorage): void {
  const storage = open()
  const expectRows = (rows: readonly FlagRow[]): void => {
    for (const one of [storage, open()]) {
      expect(one.loadRows()).toHaveLength(rows.length)
      expect(one.loadRows()).toEqual(expect.arrayContaining([...rows]))
    }
  }
  const versions = (
    query: { target?: FlagTarget; beforeVersion?: number; limit?: number } = {},
  ): number[] => {
    const { target, beforeVersion, limit = 100 } = query
    return [...open().loadHistory({ target, beforeVersion, limit })].map(({ version }) => version)
  }

  expect([storage.loadState(), storage.loadOutbox()]).toEqual([undefined, undefined])
  expect([storage.loadReceipts(), versions()]).toEqual([[], []])
  expectRows([])

  storage.save([toWrite(flag), toWrite(segment)])
  expectRows([flag, segment])
  expect(open().loadState()).toEqual({ version: 2, changedAtMs: 20 })
  const namesake: FlagRow = { ...flag, name: segment.name, version: 3 }
  storage.save([toWrite(namesake)])
  const changed: FlagRow = { ...flag, version: 4, definition: { enabled: false } }
  storage.save([toWrite(changed)])
  expectRows([changed, segment, namesake])
  const renamed: FlagRow = { ...changed, name: 'renamed', version: 5 }
  storage.save([toWrite(renamed, { deleted: [flag], renamedFrom: flag.name })])
  expectRows([renamed, segment, namesake])
  storage.save([toWrite({ ...segment, version: 6 }, { deleted: [segment], saved: null })])
  expectRows([renamed, namesake])

  expect(versions()).toEqual([6, 5, 4, 3, 2, 1])
  expect(versions({ beforeVersion: 5, limit: 2 })).toEqual([4, 3])
  expect(versions({ target: flag })).toEqual([5, 4, 1])
  expect(versions({ target: flag, beforeVersion: 4 })).toEqual([1])
  expect(versions({ target: renamed })).toEqual([5])
  expect(versions({ target: segment })).toEqual([6, 2])
  expect(versions({ target: namesake })).toEqual([3])
  const [deletion] = open().loadHistory({ target: segment, beforeVersion: undefined, limit: 1 })
  expect(deletion).toEqual(toWrite({ ...segment, version: 6 }, { saved: null }).change)
  const write = toWrite({ ...namesake, version: 7 }, { changeId: 'last', forgetUpToVersion: 5 })
  storage.save([write])
  expect(versions()).toEqual([7, 6])
  expect(open().loadReceipts()).toEqual([
    { changeId: 'id-6', version: 6, target: { kind: 'segment', name: '__proto__' } },
    { changeId: 'last', version: 7, target: { kind: 'flag', name: '__proto__' } },
  ])

  storage.saveOutbox(outbox)
  storage.saveOutbox({ ...outbox, isPutting: false, triedAtMs: 1.5, doubtfulAtMs: null })
  expect(open().loadOutbox()).toMatchObject({ environment: 'production', triedAtMs: 1.5 })
  expect(open().loadOutbox()).toMatchObject({ isPutting: false, doubtfulAtMs: null })
  storage.adopt({ version: 40, changedAtMs: 400 }, [flag, segment])
  expectRows([flag, segment])
  expect([storage.loadReceipts(), versions()]).toEqual([[], []])
  expect(open().loadState()).toEqual({ version: 40, changedAtMs: 400 })
}
