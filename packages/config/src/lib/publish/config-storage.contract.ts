import { expect } from 'vitest'
import type { ConfigReleaseInfo } from '../config-document.ts'
import {
  type ConfigOutboxRow,
  type ConfigStorage,
  type ConfigWrite,
  maxKept,
} from './config-storage.ts'

const outbox: ConfigOutboxRow = {
  publishedVersion: 3,
  noticedVersion: 2,
  triedAtMs: null,
  isPutting: true,
  failures: 1,
  doubtfulAtMs: 2.5,
  bodies: ['a', 'b'],
}

function toInfo(version: number, sha256 = `hash of ${version}`): ConfigReleaseInfo {
  return {
    version,
    parent: version - 1,
    sha256,
    bytes: 4,
    syntax: 'yaml',
    author: 'é "quoted"',
    atMs: version * 10,
  }
}

export function toWrite(version: number, changes: Partial<ConfigWrite> = {}): ConfigWrite {
  const release = toInfo(version)
  return {
    receipt: { changeId: `id-${version}`, version, kind: 'publish' },
    state: { version, changedAtMs: version * 10, stableVersion: version },
    releases: [release],
    body: { sha256: release.sha256, text: `body: ${version}` },
    ...changes,
  }
}

/** What holds of every storage. @param open Opens the same storage again, as after a restart. */
export function expectConfigStorage(open: () => ConfigStorage): void {
  const storage = open()
  const versions = (beforeVersion?: number, limit = 5000): number[] =>
    open()
      .loadReleases({ beforeVersion, limit })
      .map(({ version }) => version)

  expect([storage.loadState(), storage.loadOutbox()]).toEqual([undefined, undefined])
  expect([storage.loadRelease(1), storage.loadBody('x')]).toEqual([undefined, undefined])
  expect([storage.findReceipt('x'), versions()]).toEqual([undefined, []])

  storage.save(toWrite(1))
  const candidate = { version: 2, percentage: 12.5 }
  const state = { version: 2, changedAtMs: 20, stableVersion: 1, candidate }
  storage.save(toWrite(2, { state }))
  expect(open().loadState()).toEqual(state)
  expect(open().loadRelease(2)).toEqual(toInfo(2))
  expect(open().loadBody('hash of 2')).toBe('body: 2')
  expect(open().findReceipt('id-2')).toEqual({ changeId: 'id-2', version: 2, kind: 'publish' })

  // A rollback: an older body, and the candidate is given up.
  const givenUp = { ...toInfo(2), givenUp: true as const }
  const { body: _, ...rollback } = toWrite(3)
  storage.save({ ...rollback, releases: [givenUp, toInfo(3, 'hash of 1')] })
  expect(open().loadRelease(2)).toEqual(givenUp)
  expect([versions(), versions(3), versions(3, 1)]).toEqual([[3, 2, 1], [2, 1], [2]])

  // The body of version 1 is that of 3 too, and so outlives it.
  for (let version = 4; version <= maxKept + 2; version++) storage.save(toWrite(version))
  expect(versions()).toHaveLength(maxKept)
  expect(versions().at(-1)).toBe(3)
  expect([open().loadBody('hash of 1'), open().loadBody('hash of 2')]).toEqual([
    'body: 1',
    undefined,
  ])
  expect([open().findReceipt('id-2'), open().findReceipt('id-3')]).toMatchObject([
    undefined,
    { version: 3 },
  ])
  // What is in use is kept, however old it is.
  const used = { version: maxKept + 3, changedAtMs: 0, stableVersion: 4 }
  storage.save(
    toWrite(maxKept + 3, { state: { ...used, candidate: { version: 5, percentage: 1 } } }),
  )
  storage.save(
    toWrite(maxKept + 6, {
      state: { ...used, version: maxKept + 6, candidate: { version: 5, percentage: 1 } },
      releases: [toInfo(maxKept + 4), toInfo(maxKept + 5), toInfo(maxKept + 6)],
    }),
  )
  expect(versions().slice(-3)).toEqual([7, 5, 4])

  storage.saveOutbox(outbox)
  storage.saveOutbox({ ...outbox, isPutting: false, triedAtMs: 1.5 })
  expect(open().loadOutbox()).toEqual({ ...outbox, isPutting: false, triedAtMs: 1.5 })
  storage.adopt({ version: 40, changedAtMs: 400, stableVersion: 40 }, [toInfo(40), toInfo(39)])
  expect(versions()).toEqual([40, 39])
  expect([open().findReceipt('id-9'), open().loadBody('hash of 9')]).toEqual([undefined, undefined])
  storage.saveBody('hash of 39', 'found')
  storage.saveBody('hash of 39', 'found')
  expect(open().loadBody('hash of 39')).toBe('found')
}
