export interface StoreExactlyOptions {
  readonly body: ReadableStream<Uint8Array>
  /** The length that was declared; the object is stored only if the body has exactly it. */
  readonly sizeBytes: number
  readonly put?: R2PutOptions
}

export type StoreExactlyResult =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: 'size_mismatch' | 'upload_interrupted'
      readonly receivedBytes: number
    }

/**
 * Streams a body of declared length into R2 and refuses it when its length turns out otherwise.
 *
 * Reads no further than one chunk past the declared length and holds one chunk at a time. A refused body leaves
 * no object behind, because R2 does not store a put whose stream fails.
 *
 * @throws what R2 rejected with, when R2 is at fault and not the body.
 */
export async function storeExactly(
  bucket: R2Bucket,
  key: string,
  { body, sizeBytes, put }: StoreExactlyOptions,
): Promise<StoreExactlyResult> {
  // R2 takes only streams whose length it knows beforehand.
  const { readable, writable } = new FixedLengthStream(sizeBytes)
  const writer = writable.getWriter()
  const putting = bucket.put(key, readable, put).catch(async (error: unknown) => {
    // A put that fails early leaves its stream unread, and the next write to it would wait for ever.
    await Promise.allSettled([writer.abort(error)])
    throw error
  })
  const [pumped, stored] = await Promise.allSettled([pump(body, writer, sizeBytes), putting])
  if (pumped.status === 'fulfilled' && !pumped.value.ok) return pumped.value
  if (stored.status === 'rejected') throw stored.reason
  if (pumped.status === 'rejected') throw pumped.reason
  return { ok: true }
}

async function pump(
  body: ReadableStream<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  sizeBytes: number,
): Promise<StoreExactlyResult> {
  const reader = body.getReader()
  let receivedBytes = 0

  const refuse = async (
    reason: 'size_mismatch' | 'upload_interrupted',
  ): Promise<StoreExactlyResult> => {
    // Failing the writable side is what makes R2 drop the object; neither call has anything to add to the reason.
    await Promise.allSettled([writer.abort(new Error(reason)), reader.cancel(reason)])
    return { ok: false, reason, receivedBytes }
  }

  for (;;) {
    let chunk: ReadableStreamReadResult<Uint8Array>
    try {
      chunk = await reader.read()
    } catch {
      return refuse('upload_interrupted')
    }
    if (chunk.done) break
    receivedBytes += chunk.value.byteLength
    if (receivedBytes > sizeBytes) return refuse('size_mismatch')
    try {
      await writer.write(chunk.value)
    } catch (error) {
      await Promise.allSettled([reader.cancel(error)])
      throw error
    }
  }
  if (receivedBytes < sizeBytes) return refuse('size_mismatch')
  await writer.close()
  return { ok: true }
}
