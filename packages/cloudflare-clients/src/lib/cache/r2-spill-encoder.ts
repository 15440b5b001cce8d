import { kvLimits } from '../kv/kv-limits.ts'
import { CloudflareClientError } from '../shared/client-error.ts'
import type { ValueEncoder } from './value-encoder.ts'

export interface SpillToR2Options {
  /** Texts of more UTF-8 bytes go to R2, from 0 to KV's 26,214,400. Default 26,214,400. */
  readonly overBytes?: number
  /** What the objects' names start with: a lifecycle rule is set for it. Not empty. Default `cache/`. */
  readonly prefix?: string
}

function toHex(digest: ArrayBuffer): string {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * @returns The digest in a pointer.
 * @throws {CloudflareClientError} When the text is no pointer.
 */
function parsePointer(text: string): string {
  const digest = /^\{"r2":"([\da-f]{64})"\}$/.exec(text)?.[1]
  if (digest === undefined) throw toError('corrupt_value', 'the stored pointer is damaged')
  return digest
}

function toError(code: string, reason: string): CloudflareClientError {
  const options = { code, operation: 'read', retryable: false }
  return new CloudflareClientError(`Cannot read from R2: ${reason}`, options)
}

/**
 * Puts values that are too large for KV into R2, and a small pointer into KV.
 *
 * **When to use it.** For the rare value over KV's 25 MiB, or with a lower `overBytes` to keep KV's storage small. A read
 * that memory does not answer costs an R2 read more (class B), a write an R2 write more (class A). The whole text is in
 * memory while it is read or written, and an isolate has 128 MB for everything.
 *
 * **Guarantee.** A pointer leads to the very text that it was written for, or the value is a miss. An object is named by the
 * SHA-256 of its text and is never changed: a reader with an older pointer gets the older text, writers
 * that overtake each other cannot mix their texts up, and R2's one write per second and key meets only the same text
 * twice. An object that is missing, or whose checksum is not the one of its name, rejects: the cache takes that for a
 * miss and loads.
 *
 * **What stays behind.** Objects are never deleted here, because another pointer may lead to the same one: not by `delete`, and
 * not when a value is replaced. Set a lifecycle rule on the bucket that deletes them a day after the longest time that a
 * definition keeps an entry; an object that is written again counts as new:
 * `wrangler r2 bucket lifecycle add <bucket> cache-spill cache/ --expire-days 31`. Who must erase a person's data at
 * once should not spill it.
 *
 * @param bucket The bucket: a binding, or anything that has its `get`, `put` and `head`. One for all locations.
 * @throws {TypeError} When the bucket is missing or the prefix is empty.
 * @throws {RangeError} When `overBytes` is out of range.
 * @see https://developers.cloudflare.com/r2/buckets/object-lifecycles/
 *
 * @example
 * ```ts
 * import { gzipEncoder, spillToR2 } from '@codex/cloudflare-clients/cache'
 *
 * const encoders = [gzipEncoder(), spillToR2(env.MEDIA)]
 * ```
 */
export function spillToR2(
  bucket: Pick<R2Bucket, 'get' | 'put' | 'head'>,
  options: SpillToR2Options = {},
): ValueEncoder {
  const { overBytes = kvLimits.maxValueBytes, prefix = 'cache/' } = options
  // A missing binding is undefined at run time, whatever its generated type says.
  if (!(bucket as unknown)) {
    throw new TypeError(
      `Cannot spill to R2: bucket must be an R2Bucket, received ${typeof bucket} (is the binding in the Worker's configuration?)`,
    )
  }
  if (prefix === '') throw new TypeError('Cannot spill to R2: prefix must not be empty')
  if (!(overBytes >= 0 && overBytes <= kvLimits.maxValueBytes)) {
    throw new RangeError(
      `Cannot spill to R2: overBytes must be from 0 to ${kvLimits.maxValueBytes}, received ${overBytes}`,
    )
  }
  return {
    name: 'r2',

    async encode(text) {
      // A UTF-16 unit is at most three UTF-8 bytes.
      if (text.length * 3 <= overBytes) return null
      const bytes = new TextEncoder().encode(text)
      if (bytes.length <= overBytes) return null
      const sha256 = await crypto.subtle.digest('SHA-256', bytes)
      const digest = toHex(sha256)
      try {
        await bucket.put(prefix + digest, bytes, { sha256 })
      } catch (error) {
        // As when another isolate wrote the same text within the second. Whatever has the name is the text.
        if ((await bucket.head(prefix + digest).catch(() => null)) === null) throw error
      }
      return `{"r2":"${digest}"}`
    },

    async decode(text) {
      const digest = parsePointer(text)
      const object = await bucket.get(prefix + digest)
      if (object === null) throw toError('not_found', 'the object of a spilled value is gone')
      const { sha256 } = object.checksums
      if (sha256 === undefined || toHex(sha256) !== digest) {
        await object.body.cancel()
        throw toError('corrupt_value', 'the object of a spilled value is another one')
      }
      return object.text()
    },
  }
}
