import type { SessionRecord } from '../../src/lib/session/session-record.ts'

/** A session made at `nowMs`, with an hour to live and ten minutes of idle time. */
export function createSessionRecord(
  nowMs: number,
  changes: Partial<SessionRecord> = {},
): SessionRecord {
  return {
    id: 'session-1',
    userId: 'user-1',
    version: 1,
    createdAtMs: nowMs,
    authenticatedAtMs: nowMs,
    lastSeenAtMs: nowMs,
    expiresAtMs: nowMs + 3_600_000,
    idleTimeoutMs: 600_000,
    remember: true,
    everyoneEpoch: 0,
    roles: ['customer'],
    data: null,
    ...changes,
  }
}
