import { expect } from 'vitest'
import { createSessionRecord } from '../../../test/support/session-record.ts'
import type { SessionRow, SessionStorage, SessionUserRow } from './session-storage.ts'

const live: SessionRow = {
  id: 'live',
  seenMs: 1,
  forgetAtMs: 2,
  record: createSessionRecord(1, { id: 'live', data: { text: 'ü', list: [1, null] } }),
  tokens: [
    { hash: 'a', validUntilMs: 1.5, hasUsedSuccessor: true, isFinal: true, isPushedOut: true },
    { hash: 'b', unusedSuccessorOf: 'a' },
  ],
}
const ended: SessionRow = {
  id: 'ended',
  seenMs: 1,
  forgetAtMs: 2,
  record: null,
  reason: 'reused',
  tokenHashes: ['c', 'd'],
}
const user: SessionUserRow = { seenMs: 3, revokedEpochMs: null, banned: true, everyoneEpoch: 4 }

/** What holds of every storage. @param open Opens the same storage again, as after a restart. */
export function expectSessionStorage(open: () => SessionStorage): void {
  const expectRows = (storage: SessionStorage, rows: readonly SessionRow[]): void => {
    for (const one of [storage, open()]) {
      expect(one.loadSessions()).toHaveLength(rows.length)
      expect(one.loadSessions()).toEqual(expect.arrayContaining([...rows]))
    }
  }
  const storage = open()
  expect(storage.loadUser()).toBeUndefined()
  expectRows(storage, [])
  storage.deleteUser()
  storage.deleteSession('live')
  storage.saveSession(live)
  storage.saveSession(ended)
  storage.saveUser(user)
  expectRows(storage, [live, ended])
  expect(open().loadUser()).toEqual(user)
  storage.saveSession({ ...ended, id: 'live' })
  storage.saveUser({ ...user, revokedEpochMs: 5, banned: false })
  expectRows(storage, [{ ...ended, id: 'live' }, ended])
  expect(open().loadUser()).toEqual({ ...user, revokedEpochMs: 5, banned: false })
  storage.deleteSession('live')
  expectRows(storage, [ended])
  storage.deleteUser()
  expect([storage.loadUser(), open().loadUser()]).toEqual([undefined, undefined])
  expectRows(storage, [ended])
}
