import type { Session } from './session-options.ts'
import { endOf, type SessionRecord } from './session-record.ts'

/** What the authority said of a token, and when. */
export interface SessionCopy {
  readonly record: SessionRecord
  /** When the authority was asked, so a little before it answered. */
  readonly confirmedAtMs: number
  /** The end of the token, where it comes before the session's. */
  readonly validUntilMs?: number | undefined
}

/** Until when a copy says something, in epoch ms. Then the authority may know better: of a use elsewhere, say. */
export function endOfCopy({ record, validUntilMs = Infinity }: SessionCopy): number {
  return Math.min(endOf(record), validUntilMs)
}

/**
 * One copy of two of the same token. The newer record was true after the older one, so also after the older one was
 * confirmed: both stamps count for it.
 */
export function mergeCopies(held: SessionCopy | undefined, other: SessionCopy): SessionCopy {
  if (held === undefined) return other
  const isNewer =
    other.record.version - held.record.version || other.confirmedAtMs - held.confirmedAtMs
  const [newer, older] = isNewer > 0 ? [other, held] : [held, other]
  if (newer.confirmedAtMs >= older.confirmedAtMs) return newer
  return { ...newer, confirmedAtMs: older.confirmedAtMs }
}

const numbers = [
  'version',
  'createdAtMs',
  'authenticatedAtMs',
  'lastSeenAtMs',
  'expiresAtMs',
  'idleTimeoutMs',
  'everyoneEpoch',
] as const satisfies readonly (keyof SessionRecord)[]
const texts = [
  'id',
  'userId',
  'device',
  'ipPrefix',
  'email',
] as const satisfies readonly (keyof SessionRecord)[]

/** @returns What is left of a stored text as a copy, or `undefined` where it is none. */
export function parseCopy(text: string): SessionCopy | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isSessionCopy(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isSessionCopy(value: unknown): value is SessionCopy {
  if (!isObject(value) || !isObject(value.record)) return false
  const { record, confirmedAtMs, validUntilMs } = value
  const { id, userId, roles, remember } = record
  return (
    Number.isFinite(confirmedAtMs) &&
    (validUntilMs === undefined || Number.isFinite(validUntilMs)) &&
    id !== undefined &&
    userId !== undefined &&
    typeof remember === 'boolean' &&
    numbers.every((name) => Number.isFinite(record[name])) &&
    texts.every((name) => record[name] === undefined || typeof record[name] === 'string') &&
    Array.isArray(roles) &&
    roles.every((role) => typeof role === 'string')
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Everything of a record that is for the application. */
export function toSession<Data>(record: SessionRecord): Session<Data> {
  const { version: _version, idleTimeoutMs: _idle, everyoneEpoch: _epoch, ...session } = record
  return session as Session<Data>
}
