import { toBase64Url } from '../shared/base64-url.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import { digestBytes, maxKeyBytes, maxPrefixBytes } from './kv-limits.ts'

const encoder = new TextEncoder()

/** @returns The length of the text in UTF-8 bytes, which is what KV counts. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length
}

function joinDigest(text: string, digest: string, maxBytes: number): string {
  const { read } = encoder.encodeInto(text, new Uint8Array(maxBytes - digestBytes))
  return `${text.toWellFormed().slice(0, read)}~${digest}`
}

/** What is digested. UTF-8 would make every lone surrogate U+FFFD, and so two keys one; JSON escapes them. */
function toDigestInput(text: string): string {
  return JSON.stringify(text)
}

/** Cuts a text to `maxBytes` UTF-8 bytes, keeping a readable start and a digest of the whole. */
export function digestText(text: string, maxBytes: number): string {
  return joinDigest(text, sha256Base64Url(toDigestInput(text)), maxBytes)
}

/** Whether KV takes the text for a key. */
function isUsableKey(key: string): boolean {
  return (
    (key.length > 2 || /[^.]/.test(key)) &&
    key.isWellFormed() &&
    // A UTF-16 unit is at most three UTF-8 bytes, so most keys are known to fit without counting.
    (key.length * 3 <= maxKeyBytes || utf8Length(key) <= maxKeyBytes)
  )
}

/**
 * @returns The key as it is.
 * @throws {RangeError} When KV would refuse it: it takes 1 to 512 bytes of well-formed text other than "." and "..". Without the key,
 * which may be long.
 */
export function assertKVKey(key: string): string {
  if (isUsableKey(key)) return key
  throw new RangeError(
    `Cannot use cache key: it must be one that KV takes, received ${utf8Length(key)} bytes`,
  )
}

/**
 * Makes any string a key that KV takes, as {@link toKVKey} does. Asynchronous where a digest is needed, which saves who
 * uses only this the hash in JavaScript.
 */
export function toUsableKey(key: string): string | Promise<string> {
  if (isUsableKey(key)) return key
  return crypto.subtle
    .digest('SHA-256', encoder.encode(toDigestInput(key)))
    .then((digest) => joinDigest(key, toBase64Url(new Uint8Array(digest)), maxKeyBytes))
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
  return isUsableKey(key) ? key : digestText(key, maxKeyBytes)
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
