import { encodeText } from '../kv/binding-text.ts'

/**
 * A value and its metadata as `multipart/form-data`, byte for byte. `FormData` would turn every line break of a text into
 * CRLF, and no two platforms write the same.
 */
export function toMultipart(
  value: Uint8Array,
  metadataJson: string,
): { readonly contentType: string; readonly body: Uint8Array<ArrayBuffer> } {
  // Random, so that no value can hold it on purpose.
  const boundary = `kv-${crypto.randomUUID()}`
  const part = (name: string, rest: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n`
  const chunks = [
    // With a file name the value is bytes, without one it would be a text.
    encodeText(part('value', '; filename="value"\r\nContent-Type: application/octet-stream')),
    value,
    encodeText(`\r\n${part('metadata', '')}${metadataJson}\r\n--${boundary}--\r\n`),
  ]
  const body = new Uint8Array(chunks.reduce((size, { byteLength }) => size + byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.byteLength
  }
  return { contentType: `multipart/form-data; boundary=${boundary}`, body }
}
