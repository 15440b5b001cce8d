import { TextDetector } from './text-detector.ts'

export interface InspectedBytes {
  /** Lower-case hexadecimal. */
  readonly sha256: string
  readonly sizeBytes: number
  /** The first bytes of the stream, at most `maxPrefixBytes`. */
  readonly prefix: Uint8Array
  readonly isText: boolean
}

/**
 * Reads a stream to its end once and says what is in it: its digest, its length, whether it is text, and how it
 * begins. Memory stays at the prefix and one chunk whatever the length.
 */
export async function inspectBytes(
  stream: ReadableStream<Uint8Array>,
  { maxPrefixBytes }: { readonly maxPrefixBytes: number },
): Promise<InspectedBytes> {
  const digestStream = new crypto.DigestStream('SHA-256')
  const writer = digestStream.getWriter()
  const text = new TextDetector()
  const prefixParts: Uint8Array[] = []
  let prefixBytes = 0
  let sizeBytes = 0
  try {
    for await (const chunk of stream) {
      sizeBytes += chunk.byteLength
      if (prefixBytes < maxPrefixBytes) {
        const part = chunk.slice(0, maxPrefixBytes - prefixBytes)
        prefixParts.push(part)
        prefixBytes += part.byteLength
      }
      text.write(chunk)
      await writer.write(chunk)
    }
    await writer.close()
  } catch (error) {
    // The digest of a stream that broke off is wanted by nobody; left alone it would be an unhandled rejection.
    await Promise.allSettled([writer.abort(error), digestStream.digest])
    throw error
  }
  return {
    sha256: toHex(await digestStream.digest),
    sizeBytes,
    prefix: concatenate(prefixParts, prefixBytes),
    isText: text.isText(),
  }
}

function concatenate(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.byteLength
  }
  return whole
}

function toHex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
