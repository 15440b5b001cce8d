import { sha256Base64Url } from '../shared/sha256.ts'
import { kvLimits } from './kv-limits.ts'

const digestSeparator = '~'
const digestLength = 43

/** A listing prefix up to here matches digested keys too, because their readable part is at least this long. */
export const maxPrefixBytes = kvLimits.maxKeyBytes - digestSeparator.length - digestLength

const encoder = new TextEncoder()

/** @returns The length of the text in UTF-8 bytes, which is what KV counts. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length
}

function truncateUtf8(text: string, maxBytes: number): string {
  const { read } = encoder.encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read)
}

/** Cuts a text to `maxBytes` UTF-8 bytes, keeping a readable start and a digest of the whole. */
export function digestText(text: string, maxBytes: number): string {
  const readable = truncateUtf8(
    text.toWellFormed(),
    maxBytes - digestSeparator.length - digestLength,
  )
  // UTF-8 would make every lone surrogate U+FFFD, and so two keys one. JSON escapes them, and nothing else to the same text.
  return `${readable}${digestSeparator}${sha256Base64Url(JSON.stringify(text))}`
}

/**
 * Makes any string a key that KV takes.
 *
 * A key that KV takes as it is stays as it is. `""`, `"."`, `".."`, a key with a lone surrogate and a key of more
 * than 512 UTF-8 bytes become a readable start plus `~` plus a SHA-256 digest of the whole key. Applying it twice
 * changes nothing. Build keys from untrusted parts with `keys`, which escapes `~`, so that nobody can write another
 * key's digested form.
 *
 * @see https://developers.cloudflare.com/kv/platform/limits/
 */
export function toKVKey(key: string): string {
  const usable =
    key !== '' &&
    key !== '.' &&
    key !== '..' &&
    key.isWellFormed() &&
    utf8Length(key) <= kvLimits.maxKeyBytes
  return usable ? key : digestText(key, kvLimits.maxKeyBytes)
}

/** @throws {TypeError | RangeError} When keys could exist that belong under the prefix and that a list of it misses. */
export function assertListPrefix(prefix: string): void {
  if (!prefix.isWellFormed()) {
    throw new TypeError('Cannot use prefix: it must be well-formed, received a lone surrogate')
  }
  const bytes = utf8Length(prefix)
  if (bytes > maxPrefixBytes) {
    throw new RangeError(
      `Cannot use prefix: it must be at most ${maxPrefixBytes} bytes, received ${bytes}`,
    )
  }
}
