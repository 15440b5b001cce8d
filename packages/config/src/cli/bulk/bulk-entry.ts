import type { KVBulkEntry } from '@codex/cloudflare-clients/kv-http'
import { fromBase64, toBase64, toUtf8 } from './bytes.ts'

/** One entry of a namespace as a line of JSON, in the words of wrangler's bulk files. */
export interface BulkEntry {
  /** Without the prefix that was exported, or is imported to. */
  readonly key: string
  readonly value: string
  /** `value` is the base64 of bytes that are no text. */
  readonly base64?: boolean
  readonly metadata?: unknown
  /** Seconds of the epoch. */
  readonly expiration?: number
}

/** What a line is, or why it is none. */
export type BulkLine =
  { readonly ok: true; readonly entry: BulkEntry } | { readonly ok: false; readonly reason: string }

const names = new Set(['key', 'value', 'base64', 'metadata', 'expiration'])

/** Reads a line. A reason never holds what is in it. */
export function parseBulkLine(text: string): BulkLine {
  const parsed = parseObject(text)
  if (parsed === null) return refuse('it must be an object of JSON')
  const { key, value, base64, metadata, expiration } = parsed
  if (typeof key !== 'string') return refuse('key must be a text')
  if (typeof value !== 'string') return refuse('value must be a text')
  if (base64 !== undefined && typeof base64 !== 'boolean') {
    return refuse('base64 must be true or false')
  }
  if (expiration !== undefined && (!Number.isSafeInteger(expiration) || Number(expiration) < 0)) {
    return refuse('expiration must be seconds of the epoch')
  }
  const unknown = Object.keys(parsed).find((name) => !names.has(name))
  if (unknown !== undefined) {
    return refuse(
      `it must have key, value, base64, metadata and expiration only, and has another name`,
    )
  }
  if (base64 === true && !isBase64(value)) return refuse('value must be base64')
  return {
    ok: true,
    entry: {
      key,
      value,
      ...(base64 === true && { base64 }),
      ...(metadata !== undefined && metadata !== null && { metadata }),
      ...(expiration !== undefined && { expiration: expiration as number }),
    },
  }
}

function refuse(reason: string): BulkLine {
  return { ok: false, reason }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

/** Bytes as an entry holds them: as text where they are one. */
export function toBulkValue(bytes: Uint8Array): Pick<BulkEntry, 'value' | 'base64'> {
  try {
    return { value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { value: toBase64(bytes), base64: true }
  }
}

/** The bytes that an entry stands for. */
export function toBytes({ value, base64 }: BulkEntry): Uint8Array {
  return base64 === true ? fromBase64(value) : toUtf8(value)
}

/** An entry as it is written below `prefix`. */
export function toKVEntry(entry: BulkEntry, prefix: string): KVBulkEntry {
  const { key, metadata, expiration } = entry
  return {
    key: `${prefix}${key}`,
    value: entry.base64 === true ? toBytes(entry) : entry.value,
    ...(metadata !== undefined && { metadata }),
    ...(expiration !== undefined && { expiration }),
  }
}
