import { checkNumber } from '../shared/check-number.ts'
import { KVError } from './kv-error.ts'
import { utf8Length } from './kv-key.ts'
import {
  maxExpirationTtlSeconds,
  maxMetadataBytes,
  maxValueBytes,
  minExpirationTtlSeconds,
  minTtlSeconds,
} from './kv-limits.ts'

/**
 * What this package keeps in a key's KV metadata.
 *
 * The value stays the caller's plain text, so that other code reads it with `kv.get(key, 'json')`. Expiry stands here
 * because KV's own cannot be under 60 seconds and is not exact.
 */
export interface EntryMetadata {
  /** Tells our metadata from other code's. */
  readonly codex: 1
  readonly expiresAtMs?: number
  readonly user?: unknown
  /** What a client notes for itself. */
  readonly [control: string]: unknown
}

/** An entry as it is in KV, whoever wrote it. */
export interface KVEntry {
  readonly text: string
  /** `null` where the entry does not expire or other code wrote it. */
  readonly expiresAtMs: number | null
  readonly metadata: unknown
  /** The metadata, where this package wrote it. */
  readonly own: EntryMetadata | null
}

/** @returns The metadata, where this package wrote it. */
export function toOwnMetadata(metadata: unknown): EntryMetadata | null {
  const own = metadata as Partial<EntryMetadata> | null
  // What is no number is not above 0 either: somebody else's metadata that resembles ours.
  return own?.codex === 1 && (own.expiresAtMs ?? 1) > 0 ? (own as EntryMetadata) : null
}

/** @returns The caller's own part of a key's metadata. Metadata of other code is all the caller's. */
export function toUserMetadata(metadata: unknown): unknown {
  const own = toOwnMetadata(metadata)
  return (own === null ? metadata : own.user) ?? null
}

/** @returns The entry, or `null` where KV has none or it expired by our clock, whatever KV says. */
export function toEntry(text: string | null, metadata: unknown, nowMs: number): KVEntry | null {
  const own = toOwnMetadata(metadata)
  const expiresAtMs = own?.expiresAtMs ?? null
  return text === null || (expiresAtMs ?? Infinity) <= nowMs
    ? null
    : { text, expiresAtMs, metadata, own }
}

export function isExpired(expiresAtMs: number | null, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs
}

interface EntryOptions {
  readonly expiresAtMs?: number | undefined
  readonly userMetadata?: unknown
  readonly nowMs: number
}

/** The options of the `put` that stores an entry: its physical TTL is at least the 60 s that KV takes. */
export function toPutOptions(action: string, options: EntryOptions): KVNamespacePutOptions {
  const { expiresAtMs, userMetadata, nowMs } = options
  if (expiresAtMs === undefined && userMetadata === undefined) return {}
  const metadata: EntryMetadata = {
    codex: 1,
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(userMetadata !== undefined && { user: userMetadata }),
  }
  const bytes = utf8Length(JSON.stringify(metadata))
  if (bytes > maxMetadataBytes) {
    throw new RangeError(
      `Cannot ${action}: metadata must be at most ${maxMetadataBytes} bytes with ours, received ${bytes}`,
    )
  }
  if (expiresAtMs === undefined) return { metadata }
  return { metadata, expirationTtl: toExpirationTtlSeconds(expiresAtMs, nowMs) }
}

/** @returns The `expirationTtl` that KV takes: whole seconds, from 60. */
export function toExpirationTtlSeconds(expiresAtMs: number, nowMs: number): number {
  const ttlSeconds = Math.ceil((expiresAtMs - nowMs) / 1000)
  return Math.min(Math.max(ttlSeconds, minExpirationTtlSeconds), maxExpirationTtlSeconds)
}

/**
 * @returns When an entry written now expires, in epoch ms.
 * @throws {RangeError} When the TTL is not from a millisecond to 2,147,483,647 seconds.
 */
export function toExpiresAtMs(action: string, ttlSeconds: number, nowMs: number): number {
  return nowMs + checkTtlSeconds(action, ttlSeconds) * 1000
}

/** @throws {RangeError} When the TTL is not from a millisecond to 2,147,483,647 seconds. */
export function checkTtlSeconds(action: string, ttlSeconds: number): number {
  return checkNumber(`${action}: ttlSeconds`, ttlSeconds, {
    min: minTtlSeconds,
    max: maxExpirationTtlSeconds,
  })
}

/**
 * @throws {TypeError} When the value has no JSON text: KV would store the text `undefined` and break the next read.
 * @throws {RangeError} When the text is over KV's 25 MiB.
 */
export function toJsonText(action: string, value: unknown): string {
  const text = toJsonTextOfAnySize(action, value)
  assertValueSize(action, text)
  return text
}

/** @throws {TypeError} When the value has no JSON text. */
export function toJsonTextOfAnySize(action: string, value: unknown): string {
  // It gives undefined for what has no JSON text.
  let text: string | undefined
  let cause: unknown
  try {
    text = JSON.stringify(value)
  } catch (error) {
    cause = error
  }
  if (text === undefined) {
    throw new TypeError(`Cannot ${action}: value must be plain JSON, received ${typeof value}`, {
      cause,
    })
  }
  return text
}

/** @throws {RangeError} When the text is over KV's 25 MiB. */
export function assertValueSize(action: string, text: string): void {
  // A UTF-16 unit is at most three UTF-8 bytes, so most texts are known to fit without counting.
  if (text.length * 3 <= maxValueBytes) return
  checkNumber(`${action}: value bytes`, utf8Length(text), { min: 0, max: maxValueBytes })
}

/** @throws {KVError} With code `corrupt_value` when the text is no JSON. */
export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Without its cause, which quotes the stored text: a value may be personal.
    throw new KVError('Cannot read from KV: the stored value is not JSON', {
      code: 'corrupt_value',
      operation: 'read',
      retryable: false,
    })
  }
}
