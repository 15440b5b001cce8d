/**
 * The raw body, as long as it is at most `maxBytes`. The declared length is believed only when it is too large: a body
 * that is longer than declared, or declares nothing, is counted while it arrives and given up at the first byte over.
 *
 * @returns `null` when it is too large.
 */
export async function readBodyWithin(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array | null> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return null
  if (request.body === null) return new Uint8Array()

  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > maxBytes) return null
    chunks.push(chunk)
  }
  const body = new Uint8Array(sizeBytes)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.byteLength
  }
  return body
}
