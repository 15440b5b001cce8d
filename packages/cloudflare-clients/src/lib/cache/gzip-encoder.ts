import { kvLimits } from '../kv/kv-limits.ts'
import { toBase64 } from '../shared/base64.ts'
import type { ValueEncoder } from './value-encoder.ts'

export interface GzipEncoderOptions {
  /** Texts under so many UTF-8 bytes stay as they are, from 0. Default 1,024. */
  readonly minBytes?: number
  /**
   * A stored value that would unpack to more UTF-8 bytes is refused: a few kilobytes can hold gigabytes of zeros. A text
   * of more is left as it is. From 1. Default 25 MiB, KV's own limit of a value.
   */
  readonly maxDecodedBytes?: number
}

/** The runtime unpacks a whole piece at once, to 1,032 times its bytes at most, whoever reads. */
const pieceBytes = 16_384

/** @throws {RangeError} When it is not a number from `least`. */
function assertBytes(name: string, bytes: number, least: number): void {
  if (!(bytes >= least)) {
    throw new RangeError(
      `Cannot create gzip encoder: ${name} must be at least ${least}, received ${bytes}`,
    )
  }
}

function inPieces(binary: string): ReadableStream<Uint8Array> {
  let position = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // workerd's stream takes in everything it can get. A turn of the event loop lets its reader say that it is enough.
        if (position > 0) await new Promise((resolve) => setTimeout(resolve))
        if (position >= binary.length) {
          controller.close()
          return
        }
        const piece = binary.slice(position, (position += pieceBytes))
        controller.enqueue(Uint8Array.from(piece, (character) => character.charCodeAt(0)))
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Compresses large values with gzip, to base64 text, because bulk reads of KV give nothing but text.
 *
 * **When to use it.** For values of some kilobytes of JSON, which usually take a fifth of the space: storage costs, and
 * with a higher `maxDecodedBytes` more than 25 MiB of JSON fits in an entry. It costs CPU time on every write and every read that memory does not
 * answer, and `kv.get(key, 'json')` of other code no longer reads the value.
 *
 * **Guarantee.** What is decoded is the text that was encoded. A text that would not get smaller is left as it is.
 * Damaged text, and text that unpacks to more than `maxDecodedBytes`, rejects: the cache takes that for a miss.
 *
 * With `spillToR2`, put this one first, so that what goes to R2 is compressed.
 *
 * @throws {RangeError} When an option is out of range.
 *
 * @example
 * ```ts
 * import { gzipEncoder } from '@codex/cloudflare-clients/cache'
 *
 * const encoders = [gzipEncoder({ minBytes: 4096 })]
 * ```
 */
export function gzipEncoder(options: GzipEncoderOptions = {}): ValueEncoder {
  const { minBytes = 1024, maxDecodedBytes = kvLimits.maxValueBytes } = options
  assertBytes('minBytes', minBytes, 0)
  assertBytes('maxDecodedBytes', maxDecodedBytes, 1)
  return {
    name: 'gzip',

    async encode(text) {
      // A UTF-16 unit is at most three UTF-8 bytes.
      if (text.length * 3 < minBytes) return null
      const bytes = new TextEncoder().encode(text)
      if (bytes.length < minBytes || bytes.length > maxDecodedBytes) return null
      const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))
      const base64 = toBase64(new Uint8Array(await new Response(packed).arrayBuffer()))
      return base64.length < bytes.length ? base64 : null
    },

    async decode(text) {
      const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
      // A browser's types, with which an app may compile this, describe what it takes differently.
      const unpacking = new DecompressionStream('gzip') as ReadableWritablePair<
        Uint8Array,
        Uint8Array
      >
      const unpacked = inPieces(atob(text)).pipeThrough(unpacking)
      let decoded = ''
      let bytes = 0
      for await (const chunk of unpacked) {
        bytes += chunk.length
        if (bytes > maxDecodedBytes) {
          throw new RangeError(
            `Cannot decode gzip: the value must be at most ${maxDecodedBytes} bytes, received more`,
          )
        }
        decoded += decoder.decode(chunk, { stream: true })
      }
      return decoded + decoder.decode()
    },
  }
}
