import type { ConfigSyntax } from '../config-document.ts'
import { createSourceError, tooLarge } from './source-error.ts'

/** UTF-8 bytes of a text that a source gives. */
export const maxTextBytes = 1_048_576

/**
 * The text that bytes are, without a byte order mark.
 *
 * @throws {ConfigError} `too_large`; `corrupt` when they are not UTF-8. A text with replacement characters is never handed out in its place.
 */
export function decodeSourceText(
  uri: string,
  bytes: ArrayBuffer | Uint8Array,
  maxBytes: number = maxTextBytes,
): string {
  if (bytes.byteLength > maxBytes) throw tooLarge(uri, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw createSourceError(uri, 'corrupt', { reason: 'it must be UTF-8' })
  }
}

/**
 * Reads a stream to its end, and no further than the limit.
 *
 * @throws {ConfigError} `too_large`, without reading on.
 */
export async function readLimited(
  uri: string,
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body?.getReader()
  for (;;) {
    const chunk = await reader?.read()
    if (chunk === undefined || chunk.done) break
    length += chunk.value.byteLength
    if (length > maxBytes) {
      // Not awaited: the other side may never answer.
      reader?.cancel().catch(() => undefined)
      throw tooLarge(uri, maxBytes)
    }
    chunks.push(chunk.value)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/** What a name says of its text: nothing, where it ends in neither. */
export function toSyntax(name: string): { readonly syntax?: ConfigSyntax } {
  if (/\.json$/i.test(name)) return { syntax: 'json' }
  return /\.ya?ml$/i.test(name) ? { syntax: 'yaml' } : {}
}
