import { toUtf8 } from './bytes.ts'

/** What can be sent whole. */
export type ObjectBytes = string | ArrayBuffer | ArrayBufferView | Blob

/** What can be sent in parts. */
export type ObjectSource = ObjectBytes | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

export async function toBytes(
  operation: string,
  body: ObjectBytes,
): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof body === 'string') return toUtf8(body)
  if (body instanceof Blob) return new Uint8Array(await body.arrayBuffer())
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) {
    const view = new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
    // A view of shared memory can change while it is sent.
    return view.buffer instanceof ArrayBuffer ? (view as Uint8Array<ArrayBuffer>) : view.slice()
  }
  throw new TypeError(
    `Cannot ${operation}: body must be a string, bytes or a Blob; a stream is for upload`,
  )
}

async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) {
        isDone = true
        return
      }
      yield value
    }
  } finally {
    // Whoever stops early does not want the rest.
    if (!isDone) await reader.cancel().catch(() => undefined)
    reader.releaseLock()
  }
}

async function* readBytes(body: ObjectBytes): AsyncGenerator<Uint8Array> {
  yield await toBytes('upload object', body)
}

/** @throws {TypeError} When it is nothing that can be read, or gives something other than bytes. */
export async function* toChunks(source: ObjectSource): AsyncGenerator<Uint8Array> {
  const chunks =
    source instanceof ReadableStream
      ? readStream(source)
      : source instanceof Blob
        ? readStream(source.stream() as ReadableStream<Uint8Array>)
        : typeof source === 'object' && Symbol.asyncIterator in source
          ? source
          : readBytes(source)
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError('Cannot upload object: its stream must give bytes (Uint8Array)')
    }
    yield chunk
  }
}
