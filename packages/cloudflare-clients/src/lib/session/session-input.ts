import { toJsonTextOfAnySize } from '../kv/kv-entry.ts'
import { utf8Length } from '../kv/kv-key.ts'
import { toBase64Url } from '../shared/base64-url.ts'
import { toIpPrefix } from './ip-prefix.ts'
import type { SessionPatch } from './session-authority-calls.ts'
import type { CreateSessionOptions } from './session-options.ts'
import type { SessionRecord } from './session-record.ts'
import type { Lifetimes } from './session-settings.ts'

const maxUserIdLength = 512
const maxDataBytes = 16_384
const maxDeviceLength = 256

/** @throws {TypeError | RangeError} When it is no user id. */
export function checkUserId(action: string, userId: string): void {
  const { length } = expectText(`${action}: userId`, userId)
  if (length >= 1 && length <= maxUserIdLength) return
  throw new RangeError(
    `Cannot ${action}: userId must have 1 to ${maxUserIdLength} characters, received ${length}`,
  )
}

/**
 * @returns The documented fields, with a copy of `data` that nobody else holds.
 * @throws {TypeError | RangeError} When a field is not what it should be.
 */
export function toPatch(action: string, { email, roles, data }: SessionPatch): SessionPatch {
  if (email != null) expectText(`${action}: email`, email)
  return {
    ...(email !== undefined && { email }),
    ...(roles !== undefined && { roles: toRoles(action, roles) }),
    ...(data !== undefined && { data: toData(action, data) }),
  }
}

export interface NewRecord {
  readonly userId: string
  readonly nowMs: number
  readonly lifetimes: Lifetimes
  readonly everyoneEpoch: number
  readonly random: (bytes: Uint8Array) => Uint8Array
}

/** @throws {TypeError | RangeError} When an option is not what it should be. */
export function toDetails(
  action: string,
  options: CreateSessionOptions,
): Pick<SessionRecord, 'remember' | 'device' | 'ipPrefix' | 'email' | 'roles' | 'data'> {
  const { remember = true, email, roles = [], data = null, userAgent, ip } = options
  if (userAgent !== undefined) expectText(`${action}: userAgent`, userAgent)
  if (email !== undefined) expectText(`${action}: email`, email)
  const ipPrefix = ip === undefined ? undefined : toIpPrefix(expectText(`${action}: ip`, ip))
  return {
    remember,
    ...(userAgent !== undefined && {
      device: userAgent.slice(0, maxDeviceLength).toWellFormed(),
    }),
    ...(ipPrefix !== undefined && { ipPrefix }),
    ...(email !== undefined && { email }),
    roles: toRoles(action, roles),
    data: toData(action, data),
  }
}

export function toRecord(
  details: ReturnType<typeof toDetails>,
  { userId, nowMs, lifetimes, everyoneEpoch, random }: NewRecord,
): SessionRecord {
  return {
    id: toBase64Url(random(new Uint8Array(16))),
    userId,
    version: 1,
    createdAtMs: nowMs,
    authenticatedAtMs: nowMs,
    lastSeenAtMs: nowMs,
    expiresAtMs: nowMs + lifetimes.absoluteMs,
    idleTimeoutMs: lifetimes.idleMs,
    everyoneEpoch,
    ...details,
  }
}

function toRoles(action: string, roles: readonly string[]): readonly string[] {
  if (Array.isArray(roles) && roles.every((role) => typeof role === 'string')) return [...roles]
  throw new TypeError(`Cannot ${action}: roles must be a list of strings, received ${typeof roles}`)
}

function toData(action: string, data: unknown): unknown {
  const text = toJsonTextOfAnySize(`${action} with data`, data)
  const bytes = utf8Length(text)
  if (bytes <= maxDataBytes) return JSON.parse(text)
  throw new RangeError(
    `Cannot ${action}: data must be at most ${maxDataBytes} bytes as JSON, received ${bytes}`,
  )
}

function expectText(what: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(
    `Cannot ${what} must be a string, received ${value === null ? 'null' : typeof value}`,
  )
}
